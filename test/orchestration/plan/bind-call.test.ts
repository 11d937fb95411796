/** Results in arguments: data from the first byte to the last, and never more of it than fits. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { CallResult } from "../../../src/contract/run.ts";
import {
  MAX_BOUND_LENGTH,
  MAX_TEMPLATE_OUTPUT,
  createBinder,
} from "../../../src/orchestration/plan/bind-call.ts";
import { ParsedResults } from "../../../src/orchestration/plan/parsed-results.ts";
import { planRun } from "../../../src/orchestration/plan/plan-run.ts";
import type { Json, JsonObject } from "../../../src/platform/canonical-json.ts";
import { toolFinder } from "../../../src/tools/tool-box.ts";
import { storedTool } from "../../support/tools.ts";

const SEED = 20_261_122;
const find = toolFinder([
  storedTool("any", {}),
  storedTool("strict", {
    input: {
      type: "object",
      properties: { n: { type: "integer", minimum: 10 } },
      required: ["n"],
    },
  }),
]);

function resultOf(id: string, value: Json): CallResult {
  return {
    id,
    tool: "any",
    status: "succeeded",
    outputJson: JSON.stringify(value),
    cache: "miss",
    attempts: 1,
    queuedMs: 0,
    startedMs: 0,
    durationMs: 1,
  };
}

/** Plans a call after `a` and `b`, and binds it to their results: its arguments, or the error as `<code> <message>`. */
function bind(values: JsonObject, a: Json, b: Json = null, tool = "any"): Json {
  const planned = planRun(
    find,
    [
      { id: "a", tool: "any", arguments: {} },
      { id: "b", tool: "any", arguments: {} },
      { id: "c", tool, arguments: values },
    ],
    "",
  );
  if (!planned.ok) throw new Error(JSON.stringify(planned.error));
  const call = planned.value[2];
  if (call === undefined) throw new Error("no call");
  const results = new Map([resultOf("a", a), resultOf("b", b)].map((each) => [each.id, each]));
  const bound = createBinder(find)(call, results);
  if (!bound.ok) return `${bound.error.code} ${bound.error.message}`;
  expect(bound.value).not.toHaveProperty("references");
  return bound.value.arguments;
}

describe("binding", () => {
  it("puts values of any type at any depth, and leaves the rest alone", () => {
    const given = { x: { $ref: "a#/n" }, y: [1, { z: { $ref: "b#" } }, { $ref: "a#/list/1" }] };
    expect(bind(given, { n: null, list: [1, { k: true }] }, "text")).toEqual({
      x: null,
      y: [1, { z: "text" }, { k: true }],
    });
  });

  it("writes strings into templates as they are and anything else as JSON", () => {
    const given = { t: { $tmpl: "${a#/s}|${a#/n}|${a#/o}|${b#}|$${a#/s}" } };
    expect(bind(given, { s: 'q"', n: 1.5, o: { k: [null] } }, true)).toEqual({
      t: 'q"|1.5|{"k":[null]}|true|${a#/s}',
    });
  });

  it("never reads a result as a reference, whatever it looks like", () => {
    const hostile = { $ref: "b#/secret" };
    const template = { $tmpl: "${b#/secret}" };
    const given = { v: { $ref: "a#/v" }, t: { $tmpl: "${a#/t}" }, w: { $ref: "a#/w" } };
    expect(
      bind(given, { v: hostile, t: "${b#/secret}", w: { $literal: template } }, { secret: 1 }),
    ).toEqual({ v: hostile, t: "${b#/secret}", w: { $literal: template } });
  });

  it("is what putting the values there by hand gives, for any results", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (first, second) => {
        const a: Json = JSON.parse(JSON.stringify({ v: first }));
        const b: Json = JSON.parse(JSON.stringify(second));
        const given = { x: { $ref: "a#/v" }, list: [{ $ref: "b#" }, { y: { $ref: "a#" } }] };
        expect(bind(given, a, b)).toEqual({ x: Object(a).v, list: [b, { y: a }] });
      }),
      { seed: SEED },
    );
  });

  it("names fields called __proto__ like any other", () => {
    const given: JsonObject = JSON.parse('{"__proto__":{"x":{"$ref":"a#/__proto__"}}}');
    const bound = bind(given, JSON.parse('{"__proto__":"data"}'));
    expect(JSON.stringify(bound)).toBe('{"__proto__":{"x":"data"}}');
  });
});

describe("what cannot be bound", () => {
  it("fails with the place in the arguments and how far the pointer led", () => {
    expect(bind({ x: [{ $ref: "a#/list/3/id" }] }, { list: [1] })).toBe(
      'reference_unresolved /x/0/$ref: the result of "a" has no /list/3.',
    );
    expect(bind({ t: { $tmpl: "${a#/n}" } }, {})).toBe(
      'reference_unresolved /t/$tmpl: the result of "a" has no /n.',
    );
  });

  it("fails when the arguments do not fit with the results in them", () => {
    expect(bind({ n: { $ref: "a#" } }, 3, null, "strict")).toBe(
      "arguments_invalid With the results filled in, the arguments do not fit the tool's schema. /n: Must be at least 10.",
    );
    expect(bind({ n: { $ref: "a#" } }, 10, null, "strict")).toEqual({ n: 10 });
  });

  it("fails when the arguments become too deep", () => {
    let deep: Json = 1;
    for (let level = 0; level < 63; level += 1) deep = [deep];
    expect(bind({ x: { $ref: "a#" } }, deep)).toEqual({ x: deep });
    expect(bind({ x: [{ $ref: "a#" }] }, deep)).toContain("arguments_invalid");
  });

  it("fails one character beyond the longest text, and not before", () => {
    const text = "x".repeat(MAX_TEMPLATE_OUTPUT - 1);
    expect(bind({ t: { $tmpl: "${a#}!" } }, text)).toEqual({ t: `${text}!` });
    expect(bind({ t: { $tmpl: "${a#}!!" } }, text)).toContain("reference_unresolved /t/$tmpl");
  });

  it("fails one character beyond all it may put in, and not before", () => {
    const half = "x".repeat(MAX_BOUND_LENGTH / 2);
    const given = { x: { $ref: "a#" }, y: { $ref: "a#" } };
    expect(bind(given, half)).toEqual({ x: half, y: half });
    expect(bind({ ...given, z: { $ref: "b#" } }, half, "!")).toContain(
      "reference_unresolved /z/$ref: the results are longer than 8388608",
    );
  });
});

describe("ParsedResults", () => {
  it("parses a result once, however often it is asked for", () => {
    const parsed = new ParsedResults();
    const result = resultOf("a", { k: [1] });
    expect(parsed.valueOf(result)).toBe(parsed.valueOf(result));
  });

  it("lets the oldest go when it would hold too much, and gives it again", () => {
    const parsed = new ParsedResults();
    const [first, second] = ["a", "b"].map((id) => resultOf(id, ["x".repeat(5_000_000)]));
    if (first === undefined || second === undefined) throw new Error("no results");
    const before = parsed.valueOf(first);
    parsed.valueOf(second);
    expect(parsed.valueOf(first)).not.toBe(before);
    expect(parsed.valueOf(first)).toEqual(before);
  });
});
