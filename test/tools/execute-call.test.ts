/** One call from arguments to outcome, over real HTTP against an origin with every fault. */

import { describe, expect, it } from "vitest";

import type { PlannedCall } from "../../src/contract/planned-call.ts";
import { tenantScope } from "../../src/tools/cache/cache-key.ts";
import type { ToolPorts } from "../../src/tools/tool-ports.ts";
import {
  memoryCache,
  TIMEOUT_MS,
  at,
  origin,
  planned,
  portsFor,
  run,
} from "../support/tool-call.ts";
import { storedTool } from "../support/tools.ts";

describe("a call that succeeds", () => {
  it("sends what the template says and reports the answer as JSON text", async () => {
    const http = { method: "POST", url: `${origin}/echo/{id}`, headers: { "x-lang": "{lang}" } };
    const outcome = await run(
      portsFor(http, {}, { locale: "de-DE", traceparent: "00-aa-bb-01" }),
      planned({ arguments: { id: "a/b", lang: "de", x: 1 } }),
    );
    expect(outcome).toMatchObject({ status: "succeeded", cache: "bypass", attempts: 1 });
    expect(JSON.parse(outcome.outputJson ?? "")).toMatchObject({
      method: "POST",
      url: "/echo/a%2Fb",
      body: '{"x":1}',
      headers: {
        "accept-language": "de-DE",
        "content-type": "application/json",
        "user-agent": "toolformer-edge",
        traceparent: "00-aa-bb-01",
        "x-lang": "de",
      },
    });
  });

  it.each([
    ["/huge?bytes=3", '"xxx"'],
    ["/huge?bytes=0", "null"],
    ["/garbage", '"<<<%%% no format at all"'],
    ["/headers", "{}"],
    ["/status/201", '"201"'],
  ])("turns %s into %s", async (path, outputJson) => {
    expect(await run(portsFor(at(path)))).toMatchObject({ status: "succeeded", outputJson });
  });

  it("follows a redirect of the same origin", async () => {
    expect(await run(portsFor(at("/redirect?to=/echo")))).toMatchObject({ status: "succeeded" });
  });
});

describe("a call that fails", () => {
  it.each([
    ["/status/404", "failed", "upstream_status", "The tool answered with status 404."],
    ["/status/500", "failed", "upstream_status", "status 500"],
    ["/status/429", "rate_limited", "rate_limited", "429"],
    ["/reset", "failed", "upstream_unreachable", "cannot be reached"],
    ["/cut", "failed", "upstream_unreachable", "broke"],
    ["/gzip-bomb", "failed", "result_too_large", "8388608 bytes"],
    ["/invalid-utf8", "failed", "result_invalid", "UTF-8"],
    ["/redirect?to=https://example.com/", "failed", "redirect_refused", "origin"],
  ])("%s is %s with %s", async (path, status, code, message) => {
    expect(await run(portsFor(at(path)))).toMatchObject({
      status,
      error: { code, message: expect.stringContaining(message) },
      attempts: 1,
    });
  });

  it("passes on when to ask again", async () => {
    expect(await run(portsFor(at("/status/429?retry-after=7")))).toMatchObject({
      status: "rate_limited",
      error: { retry_after_ms: 7000 },
    });
    expect((await run(portsFor(at("/status/429")))).error).not.toHaveProperty("retry_after_ms");
  });

  it("never repeats what the tool said", async () => {
    const outcome = await run(portsFor(at("/status/500")));
    expect(outcome).not.toHaveProperty("outputJson");
  });

  it("is refused before anything is sent when its URL, headers, secrets or tool are not to be had", async () => {
    const cases: [ToolPorts, PlannedCall, string][] = [
      [portsFor(at("/echo"), {}, { allowLoopback: false }), planned(), "egress_refused"],
      [
        portsFor({ ...at("/echo"), headers: { "x-a": "{a}" } }),
        planned({ arguments: { a: "x".repeat(9000) } }),
        "egress_refused",
      ],
      [
        portsFor({ ...at("/echo"), headers: { "x-a": "{{secret.none}}" } }),
        planned(),
        "secret_unavailable",
      ],
      [
        portsFor({ url: `${origin}/{a}` }),
        planned({ arguments: { a: ".." } }),
        "arguments_invalid",
      ],
      [portsFor(at("/echo")), planned({ tool: "other" }), "unknown_tool"],
    ];
    for (const [ports, call, code] of cases) {
      expect(await run(ports, call)).toMatchObject({ status: "failed", error: { code } });
    }
  });

  it("checks the answer against the tool's output schema", async () => {
    const output = { type: "object", required: ["never"] };
    expect(await run(portsFor(at("/echo"), { output }))).toMatchObject({
      status: "failed",
      error: {
        code: "result_invalid",
        message: expect.stringContaining("/never: This field is required."),
      },
    });
    expect(await run(portsFor(at("/echo"), { output: { type: "array" } }))).toMatchObject({
      error: { message: expect.stringContaining(" /: Must be of type array.") },
    });
    expect(await run(portsFor(at("/echo"), { output: { type: "object" } }))).toMatchObject({
      status: "succeeded",
    });
  });

  it("reports a bug of the gateway as internal, and a write that was sent as unknown", async () => {
    const send = () => Promise.reject(new Error("bug"));
    const error = { code: "internal" };
    expect(await run(portsFor({}, {}, { send }))).toMatchObject({
      status: "failed",
      error,
      attempts: 1,
    });
    expect(await run(portsFor({}, {}, { send }), planned({ effect: "write" }))).toMatchObject({
      status: "outcome_unknown",
      error,
    });
    const openSecret = () => Promise.reject(new Error("bug"));
    const secret = portsFor({ headers: { a: "{{secret.s}}" } }, {}, { openSecret });
    expect(await run(secret, planned({ effect: "write" }))).toMatchObject({
      status: "failed",
      error,
      attempts: 0,
    });
  });

  it("says so when a stored tool has no kind", async () => {
    const ports = portsFor({});
    const { http: _, ...definition } =
      ports.tools.get("tool")?.definition ?? storedTool("t", {}).definition;
    const kindless = {
      ...ports,
      tools: new Map([["tool", { name: "tool", version: 1, definition }]]),
    };
    expect(await run(kindless)).toMatchObject({
      status: "failed",
      error: { code: "internal" },
      attempts: 0,
    });
  });
});

describe("a call that is given up", () => {
  it("times out, and a write may have happened", async () => {
    const error = { code: "tool_timeout" };
    expect(await run(portsFor(at("/hang")), planned(), 50)).toMatchObject({
      status: "timeout",
      error,
    });
    for (const effect of ["write", "idempotent_write"] as const) {
      expect(await run(portsFor(at("/hang")), planned({ effect }), 50)).toMatchObject({
        status: "outcome_unknown",
        error,
      });
    }
  });

  it("times out in the middle of an answer", async () => {
    expect(await run(portsFor(at("/stall")), planned(), 100)).toMatchObject({ status: "timeout" });
  });

  it("is cancelled by its signal, and a write may have happened", async () => {
    for (const [effect, status] of [
      ["read", "cancelled"],
      ["write", "outcome_unknown"],
    ] as const) {
      const controller = new AbortController();
      const outcome = run(
        portsFor(at("/hang")),
        planned({ effect }),
        TIMEOUT_MS,
        controller.signal,
      );
      setTimeout(() => controller.abort(), 50);
      expect(await outcome).toMatchObject({ status, error: { code: "cancelled" }, attempts: 1 });
    }
  });

  it("sends nothing once its signal has aborted, so even a write is only cancelled", async () => {
    const outcome = await run(
      portsFor(at("/echo")),
      planned({ effect: "write" }),
      TIMEOUT_MS,
      AbortSignal.abort(),
    );
    expect(outcome).toMatchObject({ status: "cancelled", attempts: 0 });
  });

  it("leaves a write's broken connection unknown and a refused one failed", async () => {
    const write = planned({ effect: "write" });
    expect(await run(portsFor(at("/reset")), write)).toMatchObject({
      status: "outcome_unknown",
      error: { code: "upstream_unreachable" },
    });
    expect(await run(portsFor(at("/status/500")), write)).toMatchObject({ status: "failed" });
    expect(await run(portsFor(at("/echo"), {}, { allowLoopback: false }), write)).toMatchObject({
      status: "failed",
    });
  });

  it("counts the look-up against the call's time", async () => {
    let nowMs = 0;
    const scope = tenantScope({ tenantId: "ten_1" });
    const { results: empty } = memoryCache();
    const find = () => {
      nowMs = 60_000;
      return Promise.resolve(null);
    };
    const results = Object.assign(empty, { find });
    const ports = portsFor(
      at("/hang"),
      { cache: { ttl_s: 60 } },
      { now: () => nowMs, cache: scope && { scope, results } },
    );
    expect(await run(ports, planned(), 60_000)).toMatchObject({ status: "timeout" });
  });
});

describe("a call that needs approval", () => {
  const send: ToolPorts["send"] = () => {
    throw new Error("a call nobody approved was sent");
  };

  it.each([
    ["by its tool", { requires_approval: "always" }, {}],
    ["by its tool, whatever its mark was lost to", { requires_approval: true }, {}],
    ["by the request alone", {}, { approval: "required" as const }],
  ])("is never sent unasked: %s", async (_, definition, call) => {
    const outcome = await run(portsFor(at("/echo"), definition, { send }), planned(call));
    expect(outcome).toMatchObject({
      status: "approval_required",
      error: { code: "approval_required" },
      attempts: 0,
    });
  });

  it("is sent once somebody said yes", async () => {
    const ports = portsFor(at("/echo"), { requires_approval: true });
    const outcome = await run(ports, planned({ approval: "granted" }));
    expect(outcome).toMatchObject({ status: "succeeded", attempts: 1 });
  });
});
