/** What may stand in for a tool, and for which of its failures. */

import { describe, expect, it } from "vitest";

import type { CallErrorCode, CallOutcome } from "../../src/contract/run.ts";
import { ToolDefinition } from "../../src/contract/tool.ts";
import {
  checkFallback,
  checkStandIn,
  MAX_STAND_INS,
  mayFallBack,
  mayStandIn,
  orFallback,
} from "../../src/tools/fall-back.ts";

function tool(extra: object = {}): ToolDefinition {
  return ToolDefinition.parse({
    description: "Looks",
    input: { type: "object" },
    effect: "read",
    http: { method: "GET", url: "https://api.example.com/look" },
    ...extra,
  });
}

function ended(code: CallErrorCode, extra: Partial<CallOutcome> = {}): CallOutcome {
  return {
    status: "failed",
    error: { code, message: "It failed." },
    cache: "bypass",
    attempts: 1,
    ...extra,
  };
}

const SERVER: readonly CallErrorCode[] = [
  "tool_timeout",
  "upstream_unreachable",
  "upstream_status",
  "result_invalid",
];
const NOT_DONE: readonly CallErrorCode[] = ["circuit_open", "call_shed", "rate_limited"];
const OWN: readonly CallErrorCode[] = [
  "arguments_invalid",
  "cancelled",
  "internal",
  "egress_refused",
  "tool_error",
];

describe("mayFallBack", () => {
  it("takes a read's failures of its server and calls that were not sent, nothing else", () => {
    for (const effect of ["pure", "read"] as const) {
      for (const code of [...SERVER, ...NOT_DONE])
        expect(mayFallBack(effect, ended(code))).toBe(true);
      for (const code of OWN) expect(mayFallBack(effect, ended(code))).toBe(false);
      expect(mayFallBack(effect, { status: "succeeded", cache: "miss", attempts: 1 })).toBe(false);
    }
  });

  it("takes a write only where it provably was not done", () => {
    for (const effect of ["idempotent_write", "write"] as const) {
      for (const code of SERVER) expect(mayFallBack(effect, ended(code))).toBe(false);
      for (const code of NOT_DONE) expect(mayFallBack(effect, ended(code))).toBe(true);
      const unknown = ended("rate_limited", { status: "outcome_unknown" });
      expect(mayFallBack(effect, unknown)).toBe(false);
    }
    // An idempotent write was perhaps done by the attempt before the one that was refused.
    const refusedLast = ended("rate_limited", { attempts: 2 });
    expect(mayFallBack("idempotent_write", refusedLast)).toBe(false);
    expect(mayFallBack("write", refusedLast)).toBe(true);
  });
});

describe("orFallback", () => {
  it("gives a tool's value in place of a failure, also of a call that was shed", () => {
    const definition = tool({ fallback: { value: { city: "unknown" } } });
    const { error: _, ...rest } = ended("call_shed");
    expect(orFallback(definition, ended("call_shed"))).toEqual({
      ...rest,
      status: "degraded",
      outputJson: '{"city":"unknown"}',
    });
    expect(orFallback(tool(), ended("call_shed"))).toEqual(ended("call_shed"));
    const toTool = tool({ fallback: { tool: "other" } });
    expect(orFallback(toTool, ended("call_shed"))).toEqual(ended("call_shed"));
  });
});

describe("checkFallback", () => {
  it("refuses a value for a tool that writes, one that is no result of the tool, and any for a tool without a server", () => {
    const output = { type: "object", required: ["city"] };
    const value = { fallback: { value: {} } };
    expect(checkFallback(tool(value))).toEqual([]);
    expect(checkFallback(tool({ ...value, effect: "write" }))).toMatchObject([
      { pointer: "/fallback" },
    ]);
    expect(checkFallback(tool({ ...value, output }))).toMatchObject([
      { pointer: "/fallback/value/city" },
    ]);
    const inside = { http: undefined, builtin: "calculator", effect: "pure" };
    for (const fallback of [{ value: 1 }, { tool: "other" }])
      expect(checkFallback(tool({ ...inside, fallback }))).toMatchObject([
        { pointer: "/fallback" },
      ]);
  });
});

describe("checkStandIn", () => {
  const complaints = (definition: ToolDefinition, others: Record<string, ToolDefinition>) =>
    checkStandIn("first", definition, new Map(Object.entries(others))).map(
      ({ pointer, message }) => `${pointer}: ${message}`,
    );
  const to = (name: string, extra: object = {}) => tool({ fallback: { tool: name }, ...extra });

  it("takes a tool that does no more to the world", () => {
    expect(complaints(tool(), {})).toEqual([]);
    expect(complaints(to("other"), { other: tool({ effect: "pure" }) })).toEqual([]);
    const writing = { effect: "write" };
    expect(complaints(to("other", writing), { other: tool(writing) })).toEqual([]);
  });

  it("refuses one that is unknown, does more, leaves the zone of trust, is approved or counted, or is a chain", () => {
    const at = "/fallback/tool: ";
    expect(complaints(to("absent"), {})).toEqual([`${at}There is no tool "absent".`]);
    expect(complaints(to("other"), { other: tool({ effect: "write" }) })[0]).toMatch(
      /^\/fallback\/tool: "other" does more/,
    );
    for (const extra of [{ observable: true }, { requires_approval: true }, { max_uses: 1 }])
      expect(complaints(to("other"), { other: tool(extra) })).toHaveLength(1);
    const calls = [{ id: "a", tool: "x" }];
    const asChain = tool({ http: undefined, chain: { calls, output: { $ref: "a#" } } });
    expect(complaints(to("other"), { other: asChain })).toHaveLength(1);
    expect(mayStandIn(asChain, tool())).toBe(false);
    expect(mayStandIn(tool(), tool({ effect: "pure" }))).toBe(false);
  });

  it("shows the circle it would close, and refuses too many in a row", () => {
    expect(complaints(to("first"), {})).toEqual(["/fallback/tool: A circle: first → first."]);
    expect(complaints(to("b"), { b: to("c"), c: to("first") })).toEqual([
      "/fallback/tool: A circle: first → b → c → first.",
    ]);
    const inRow = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, n) => [
          `t${n}`,
          n === count - 1 ? tool() : to(`t${n + 1}`),
        ]),
      );
    expect(complaints(to("t0"), inRow(MAX_STAND_INS))).toEqual([]);
    expect(complaints(to("t0"), inRow(MAX_STAND_INS + 1))).toEqual([
      `/fallback/tool: At most ${MAX_STAND_INS} in a row.`,
    ]);
    // A circle among others is theirs.
    expect(complaints(to("b"), { b: to("c"), c: to("b") })).toHaveLength(1);
  });
});
