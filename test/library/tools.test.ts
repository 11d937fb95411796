import { describe, expect, it } from "vitest";

import type { CallOutcome } from "../../src/contract/run.ts";
import {
  type DefinedTool,
  defineTool,
  type HandlerContext,
  InvalidTool,
  ToolFailure,
  type ToolOptions,
} from "../../src/library/define-tool.ts";
import { run, type RunOptions } from "../../src/library/run.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { FakeOrigin } from "../../src/library/testing/fake-origin.ts";
import type { StandardSchema } from "../../src/library/tool-input.ts";

const BASE = { name: "tool", description: "A tool", input: { type: "object" } } as const;

/** What one call of a tool with these options gives. */
async function outcomeOf(
  options: Partial<ToolOptions>,
  more: Partial<RunOptions> & { readonly values?: Record<string, unknown> } = {},
): Promise<CallOutcome> {
  return outcomeWith(defineTool({ ...BASE, effect: "read", ...options }), more);
}

async function outcomeWith(
  tool: DefinedTool,
  more: Partial<RunOptions> & { readonly values?: Record<string, unknown> } = {},
): Promise<CallOutcome> {
  const { values = {}, ...rest } = more;
  const clock = new FakeClock();
  const { results } = await clock.runUntil(
    run([{ tool, arguments: values }], { tools: [tool], clock, ...rest }).report(),
  );
  const [result] = results;
  if (result === undefined) throw new Error("There is no result.");
  return result;
}

function faultOf(make: () => unknown): readonly string[] {
  try {
    make();
    return [];
  } catch (error) {
    if (!(error instanceof InvalidTool)) throw error;
    return error.violations.map(({ pointer }) => pointer);
  }
}

/** As zod and its like offer themselves: numbers come in as text and are doubled on the way. */
const doubling: StandardSchema<{ n: number }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => {
      const { n } = value as { n: number };
      return n < 0 ? { issues: [{ message: "n is negative." }] } : { value: { n: n * 2 } };
    },
    jsonSchema: {
      input: () => ({
        $schema: "https://json-schema.org/draft/2020-12/schema",
        type: "object",
        properties: { n: { type: "number" } },
        required: ["n"],
      }),
    },
  },
};

describe("defineTool", () => {
  it("names every wrong place of a definition at once", () => {
    const handler = () => null;
    expect(faultOf(() => defineTool({ ...BASE, name: "no spaces", handler }))).toEqual(["/name"]);
    expect(faultOf(() => defineTool({ ...BASE, description: "", timeoutMs: 1, handler }))).toEqual([
      "/description",
      "/timeout_ms",
    ]);
    expect(faultOf(() => defineTool({ ...BASE, input: { type: "string" }, handler }))).toEqual([
      "/input/type",
    ]);
    expect(faultOf(() => defineTool({ ...BASE, name: "result_query", handler }))).toEqual([""]);
  });

  it("wants exactly one of handler, http and builtin", () => {
    expect(faultOf(() => defineTool(BASE))).toEqual([""]);
    expect(
      faultOf(() => defineTool({ ...BASE, handler: () => null, builtin: "current_time" })),
    ).toEqual([""]);
  });

  it("lets an http tool go to this machine only when told so", () => {
    const http = { method: "GET", url: "http://127.0.0.1:1/x" } as const;
    expect(faultOf(() => defineTool({ ...BASE, http }))).toEqual(["/http/url"]);
    expect(faultOf(() => defineTool({ ...BASE, http, allowLoopback: true }))).toEqual([]);
  });

  it("gives a handler what a Standard Schema made of the arguments", async () => {
    const tool = defineTool({
      ...BASE,
      input: doubling,
      effect: "read",
      handler: ({ n }) => n.toFixed(1),
    });
    expect((await outcomeWith(tool, { values: { n: 21 } })).outputJson).toBe('"42.0"');
    const refused = await outcomeWith(tool, { values: { n: -1 } });
    expect(refused.error).toEqual({
      code: "tool_error",
      message: "The arguments do not fit. n is negative.",
    });
    // The JSON Schema of the same schema holds before anything is made.
    await expect(outcomeWith(tool, { values: { n: "x" } })).rejects.toThrow("/calls/0/arguments/n");
  });
});

describe("a handler", () => {
  it("is told its call, its signal, and a key that tells a write from another", async () => {
    const seen: HandlerContext[] = [];
    const options = {
      effect: "idempotent_write" as const,
      handler: (_values: unknown, context: HandlerContext) => void seen.push(context),
    };
    expect((await outcomeOf(options)).outputJson).toBe("null");
    await outcomeOf(options);
    expect(seen[0]?.callId).toBe("call_1");
    expect(seen[0]?.idempotencyKey).toMatch(/^run_\w{22}_1$/);
    expect(seen[1]?.idempotencyKey).not.toBe(seen[0]?.idempotencyKey);
    expect(seen.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  });

  it("says why it failed only by a ToolFailure, at most a thousand characters of it", async () => {
    const faults: unknown[] = [];
    const onFault = (fault: unknown) => faults.push(fault);
    const told = await outcomeOf(
      {
        handler: () => {
          throw new ToolFailure("x".repeat(2_000));
        },
      },
      { onFault },
    );
    expect(told.error).toEqual({ code: "tool_error", message: "x".repeat(1_000) });
    expect(faults).toEqual([]);
    const fault = new Error("password=hunter2");
    const hidden = await outcomeOf({ handler: () => Promise.reject(fault) }, { onFault });
    expect(hidden).toMatchObject({ status: "failed", error: { message: "The tool failed." } });
    expect(faults).toEqual([fault]);
  });

  it("that ignores its signal is left behind: a read has failed, a write may have happened", async () => {
    const never = () => new Promise(() => undefined);
    expect(await outcomeOf({ handler: never, timeoutMs: 50 })).toMatchObject({
      status: "timeout",
      error: { code: "tool_timeout" },
    });
    expect(await outcomeOf({ handler: never, timeoutMs: 50, effect: "write" })).toMatchObject({
      status: "outcome_unknown",
    });
  });

  it("must answer with JSON that fits its output schema, its size and its depth", async () => {
    const codeOf = async (value: unknown, output?: { type: string }) =>
      (await outcomeOf({ handler: () => value, ...(output && { output }) })).error?.code ?? null;
    expect(await codeOf(10n)).toBe("result_invalid");
    expect(await codeOf("text", { type: "number" })).toBe("result_invalid");
    expect(await codeOf(1, { type: "number" })).toBe(null);
    let deep: unknown = null;
    for (let n = 0; n < 65; n += 1) deep = [deep];
    expect(await codeOf(deep)).toBe("result_invalid");
    // With its quotes: as long as it may be, and one longer.
    const most = "x".repeat(8 * 1024 * 1024 - 2);
    expect(await codeOf(most)).toBe(null);
    expect(await codeOf(`${most}x`)).toBe("result_too_large");
  });
});

describe("an http tool", () => {
  const http = {
    method: "POST",
    url: "https://shop.example.com/buy/{item}",
    headers: { authorization: "Bearer {{secret.shop}}" },
  } as const;
  const input = {
    type: "object",
    properties: { item: { type: "string" }, count: { type: "number" } },
    required: ["item"],
  } as const;

  it("sends its template with the secrets of its host", async () => {
    const clock = new FakeClock();
    const origin = new FakeOrigin(clock, {
      "POST /buy/tea": ({ json }) => ({ afterMs: 30, json: { bought: json } }),
    });
    const tool = defineTool({ ...BASE, http, input });
    const { results } = await clock.runUntil(
      run([{ tool, arguments: { item: "tea", count: 2 } }], {
        tools: [tool],
        clock,
        send: origin.send,
        secret: async (name, host) => (host === "shop.example.com" ? `${name}-key-of-it` : null),
        locale: "fr",
      }).report(),
    );
    expect(results[0]).toMatchObject({ outputJson: '{"bought":{"count":2}}', durationMs: 30 });
    expect(origin.seen[0]?.headers).toMatchObject({
      authorization: "Bearer shop-key-of-it",
      "accept-language": "fr",
    });
  });

  it("fails as over the wire: unknown paths, refusals, broken connections, answers that are late", async () => {
    const clock = new FakeClock();
    const origin = new FakeOrigin(clock, {
      "POST /buy/rate": { status: 429, retryAfterMs: 700 },
      "POST /buy/gone": { breaks: true },
      "POST /buy/late": { afterMs: 60_000 },
    });
    const tool = defineTool({
      ...BASE,
      input,
      effect: "read",
      timeoutMs: 500,
      http: { ...http, headers: {} },
    });
    const calls = ["nowhere", "rate", "gone", "late"].map((item) => ({
      tool,
      arguments: { item },
    }));
    const { results } = await clock.runUntil(
      run(calls, { tools: [tool], clock, send: origin.send }).report(),
    );
    expect(results.map(({ status, error }) => [status, error?.code])).toEqual([
      ["failed", "upstream_status"],
      ["rate_limited", "rate_limited"],
      ["failed", "upstream_unreachable"],
      ["timeout", "tool_timeout"],
    ]);
    expect(results[1]?.error?.retry_after_ms).toBe(700);
    expect(origin.open).toBe(0);
    expect(origin.seen.filter(({ isAborted }) => isAborted)).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});
