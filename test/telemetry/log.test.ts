import { describe, expect, it } from "vitest";

import { logFault, logRequest, tenantPseudonym } from "../../src/telemetry/log.ts";

const ENTRY = {
  level: "info",
  request_id: "req_1",
  run_id: "run_1",
  trace_id: "0af7651916cd43dd8448eb211c80319c",
  tenant: "00112233aabbccdd",
  route: "/v1/tools/:name",
  method: "PUT",
  status: 200,
  code: null,
  duration_ms: 12,
  region: "us",
} as const;

describe("logRequest", () => {
  it("writes one JSON line with exactly the allow-listed fields", () => {
    const lines: string[] = [];
    const withMore = { ...ENTRY, body: "CANARY", authorization: "tfe_live_us_CANARY" };
    logRequest(withMore, 0, (line) => lines.push(line));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines.join(""))).toEqual({ time: "1970-01-01T00:00:00.000Z", ...ENTRY });
  });
});

describe("logFault", () => {
  it("names the class and the place of a fault, never its message", () => {
    const lines: string[] = [];
    const fault = new TypeError("CANARY one\n    at CANARY (two:1:2)\nCANARY three");
    logFault({ request_id: "r", trace_id: "t", route: "/x", region: "us" }, fault, 0, (line) =>
      lines.push(line),
    );
    const line = lines.join("");
    expect(line).not.toContain("CANARY");
    expect(JSON.parse(line)).toMatchObject({ level: "error", fault: "TypeError", route: "/x" });
    expect(line).toMatch(/"stack":\["at /);
  });

  it("copes with a fault that has no stack", () => {
    const fault = new Error("x");
    delete fault.stack;
    const lines: string[] = [];
    logFault({ request_id: "r", trace_id: "t", route: "/x", region: "us" }, fault, 0, (line) =>
      lines.push(line),
    );
    expect(JSON.parse(lines.join(""))).toMatchObject({ stack: [] });
  });
});

describe("tenantPseudonym", () => {
  it("is sixteen hex digits, the same for one tenant, another for another", async () => {
    const one = await tenantPseudonym("ten_one", 0);
    expect(one).toMatch(/^[0-9a-f]{16}$/);
    expect(await tenantPseudonym("ten_one", 0)).toBe(one);
    expect(await tenantPseudonym("ten_two", 0)).not.toBe(one);
  });
});
