/** The official reference server, unmodified, behind the gateway. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createRequire } from "node:module";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { isObject, listOf } from "../../dev/http/json.ts";
import { callTool } from "./field-scene.ts";
import { becomes, newTenant, type TestTenant } from "./scene.ts";

const ENTRY = createRequire(import.meta.url).resolve(
  "@modelcontextprotocol/server-everything/dist/index.js",
);

let child: ChildProcess;
let tenant: TestTenant;

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

beforeAll(async () => {
  const port = await freePort();
  child = spawn(process.execPath, [ENTRY, "streamableHttp"], {
    env: { ...process.env, PORT: String(port) },
    stdio: "ignore",
  });
  const url = `http://127.0.0.1:${port}/mcp`;
  const isUp = () =>
    fetch(url)
      .then(() => true)
      .catch(() => false);
  if (!(await becomes(isUp, 20_000))) throw new Error("the reference server does not start");
  tenant = await newTenant({ tools: {} });
  await tenant.call("PUT", "/v1/mcp-servers/every", { url });
});

afterAll(async () => {
  child.kill();
  await once(child, "exit");
});

describe("@modelcontextprotocol/server-everything", () => {
  it("has its tools offered, or a reason told", async () => {
    const server = await tenant.call("GET", "/v1/mcp-servers/every");
    expect(server).toMatchObject({ status: "ready", negotiated: "2025-11-25" });
    const lines = listOf(server, "listed").filter(isObject);
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) expect(line["offered"] === true || line["reason"]).toBeTruthy();
    expect(lines.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["every__echo", "every__get-sum"]),
    );
  });

  it("answers with text, structured content and images", async () => {
    expect(await callTool(tenant, "every__echo", { message: "hi" })).toMatchObject({
      status: "succeeded",
      output: "Echo: hi",
    });
    const weather = await callTool(tenant, "every__get-structured-content", {
      location: "Chicago",
    });
    expect(weather).toMatchObject({
      status: "succeeded",
      output: { conditions: expect.any(String) },
    });
    const image = await callTool(tenant, "every__get-tiny-image");
    expect(String(image["output"])).toContain("[image image/png");
  });

  it("reports progress, which keeps a long call alive", async () => {
    const args = { duration: 1, steps: 4 };
    expect(await callTool(tenant, "every__trigger-long-running-operation", args)).toMatchObject({
      status: "succeeded",
    });
  });
});
