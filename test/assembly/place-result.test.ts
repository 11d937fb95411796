import { env } from "cloudflare:workers";
import { describe, expect, inject, it } from "vitest";

import { callExecutor } from "../../src/assembly/place-result.ts";
import { keptResults } from "../../src/assembly/kept-results.ts";
import { runContext } from "../../src/assembly/run-context.ts";
import { toolContext } from "../../src/assembly/tool-ports.ts";
import { plannedCall } from "../support/fake-lanes.ts";
import { newCaller } from "../support/run-fixture.ts";
import { storedTool } from "../support/tools.ts";

const never = new AbortController().signal;

async function scene(bytes: number) {
  const caller = await newCaller();
  const context = toolContext(runContext(caller, "run_1"));
  const url = `${inject("servers")["tools"]}/records/${bytes}`;
  const tool = storedTool("records", { http: { method: "GET", url }, effect: "read" });
  const execute = callExecutor(env, context, new Map([[tool.name, tool]]), () => undefined);
  const run = (id: string, inlineLength?: number) => {
    const call = plannedCall(id, { tool: tool.name, arguments: {} });
    return execute(inlineLength === undefined ? call : { ...call, inlineLength }, 20_000, never);
  };
  return { context, run };
}

describe("callExecutor", () => {
  it("hands on an output of the length that is allowed, and keeps one that is longer", async () => {
    const { context, run } = await scene(300_000);
    const whole = await run("a");
    const length = whole.outputJson?.length ?? 0;
    expect((await run("b", length)).outputJson).toBe(whole.outputJson);
    const { kept, outputJson, status } = await run("c", length - 1);
    expect([status, outputJson?.length]).toEqual(["succeeded", undefined]);
    expect(kept).toEqual({
      handle: expect.stringMatching(/^res_/),
      bytes: length,
      heldBytes: length,
    });
    expect(await keptResults(env, context).read(kept?.handle ?? "")).toBe(whole.outputJson);
  });

  it("reads long answers one after the other, and loses none", async () => {
    const { run } = await scene(3_000_000);
    const outcomes = await Promise.all(["a", "b", "c", "d", "e"].map((id) => run(id, 1_000)));
    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => "succeeded"));
    expect(new Set(outcomes.map(({ kept }) => kept?.handle)).size).toBe(5);
    const held = Math.max(...outcomes.map(({ kept }) => kept?.heldBytes ?? Infinity));
    expect(held).toBeLessThanOrEqual(3_000_200 + 4 * 256 * 1024);
  });

  it("hands a result on whole when it cannot be kept", async () => {
    const { context } = await scene(0);
    const url = `${inject("servers")["tools"]}/records/5000`;
    const tool = storedTool("records", { http: { method: "GET", url }, effect: "read" });
    const broken = { ...context, dataKey: { key: "v0", iv: "", ct: "" }, cacheEnabled: false };
    const execute = callExecutor(env, broken, new Map([[tool.name, tool]]), () => undefined);
    const call = { ...plannedCall("a", { tool: tool.name, arguments: {} }), inlineLength: 10 };
    expect((await execute(call, 20_000, never)).outputJson).toContain('"total"');
  });
});
