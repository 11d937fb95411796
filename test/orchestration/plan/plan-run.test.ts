/** The calls of a run before anything is sent: linked, or refused with the place of every mistake. */

import { describe, expect, it } from "vitest";

import { planRun } from "../../../src/orchestration/plan/plan-run.ts";
import type { JsonObject } from "../../../src/platform/canonical-json.ts";
import { toolFinder } from "../../../src/tools/tool-box.ts";
import { storedTool } from "../../support/tools.ts";

const find = toolFinder([
  storedTool("ping", {}),
  storedTool("price", {
    effect: "read",
    input: { type: "object", properties: { item: { type: "string" } }, required: ["item"] },
    output: {
      type: "object",
      properties: {
        amount: { type: "number" },
        tags: { type: "array", items: { type: "string" } },
      },
      additionalProperties: false,
    },
  }),
  storedTool("add", {
    input: {
      type: "object",
      properties: { a: { type: "number" }, b: { type: "number" }, note: { type: "string" } },
      required: ["a", "b"],
      additionalProperties: false,
    },
  }),
]);

type Call = readonly [id: string | null, tool: string, values?: JsonObject];

function plan(...calls: readonly Call[]) {
  return planRun(
    find,
    calls.map(([id, tool, values = {}]) => ({
      ...(id !== null && { id }),
      tool,
      arguments: values,
    })),
    "/calls",
  );
}

/** Every mistake as `<pointer>: <message>`. */
function mistakes(...calls: readonly Call[]): readonly string[] {
  const planned = plan(...calls);
  return planned.ok ? [] : planned.error.map(({ pointer, message }) => `${pointer}: ${message}`);
}

const PRICE: Call = ["p", "price", { item: "x" }];

describe("planRun", () => {
  it("plans calls in order and gives ids that collide with none", () => {
    const planned = plan(
      [null, "ping"],
      ["call_1", "price", { item: "x" }],
      ["call_3", "ping"],
      [null, "ping"],
      ["call_1_2", "ping"],
    );
    expect(planned.ok && planned.value.map(({ id }) => id)).toEqual([
      "call_1_3",
      "call_1",
      "call_3",
      "call_4",
      "call_1_2",
    ]);
    expect(planned).toMatchObject({
      value: [{ tool: "ping" }, { arguments: { item: "x" } }, {}, {}, {}],
    });
  });

  it("names every mistake of every call", () => {
    let nested: JsonObject = {};
    for (let level = 0; level < 64; level += 1) nested = { a: nested };
    const planned = plan(
      ["a", "nothing"],
      ["b", "price", { item: 1 }],
      ["a", "ping"],
      [null, "ping", nested],
      ["c", "add", { a: { $ref: "z#" }, b: { $ref: "b#amount" }, more: { $ref: "p#" } }],
    );
    expect(planned.ok ? [] : planned.error.map(({ pointer }) => pointer).toSorted()).toEqual([
      "/calls/0/tool",
      "/calls/1/arguments/item",
      "/calls/2/id",
      "/calls/3/arguments",
      "/calls/4/arguments/a/$ref",
      "/calls/4/arguments/b/$ref",
      "/calls/4/arguments/more",
      "/calls/4/arguments/more/$ref",
    ]);
  });

  it("links a call to those it needs, wherever they stand in the list", () => {
    const planned = plan(
      [
        "sum",
        "add",
        { a: { $ref: "p#/amount" }, b: 1, note: { $tmpl: "${q#/tags/0}: ${p#/amount}" } },
      ],
      PRICE,
      ["q", "price", { item: "y" }],
    );
    expect(planned.ok && planned.value[0]).toMatchObject({
      needs: ["p", "q"],
      references: [
        { kind: "value", at: "/a", source: { label: "p", pointer: "/amount", call: "p" } },
        {
          kind: "text",
          at: "/note",
          parts: [{ label: "q", call: "q" }, ": ", { label: "p", call: "p" }],
        },
      ],
    });
    expect(planned.ok && planned.value[1]).not.toHaveProperty("needs");
  });

  it("refuses a label nobody has, at its place", () => {
    expect(mistakes(["s", "add", { a: 1, b: { $ref: "nobody#/x" } }])).toEqual([
      '/calls/0/arguments/b/$ref: There is no call "nobody" in this run.',
    ]);
  });

  it("refuses a cycle and shows it, from every call on it and no other", () => {
    expect(
      mistakes(
        PRICE,
        ["a", "add", { a: { $ref: "p#/amount" }, b: { $ref: "b#" } }],
        ["b", "add", { a: { $ref: "a#" }, b: 1 }],
        ["after", "add", { a: { $ref: "b#" }, b: 1 }],
      ),
    ).toEqual([
      "/calls/1/arguments/b/$ref: These calls wait for each other: a -> b -> a.",
      "/calls/2/arguments/a/$ref: These calls wait for each other: b -> a -> b.",
    ]);
    expect(mistakes(["a", "add", { a: 1, b: 2, note: { $tmpl: "${a#}" } }])).toEqual([
      "/calls/0/arguments/note/$tmpl: A call cannot refer to its own result: a -> a.",
    ]);
  });

  it("refuses a place the output schema rules out, and a type the input schema does", () => {
    expect(
      mistakes(PRICE, [
        "s",
        "add",
        { a: { $ref: "p#/total" }, b: { $ref: "p#/tags/0" }, note: { $ref: "p#/tags" } },
      ]),
    ).toEqual([
      '/calls/1/arguments/a/$ref: The result of "p" never has /total: the output schema of its tool rules it out.',
      '/calls/1/arguments/b/$ref: /tags/0 of "p" is string, but this must be number.',
      '/calls/1/arguments/note/$ref: /tags of "p" is array, but this must be string.',
    ]);
    expect(mistakes(PRICE, ["s", "add", { a: { $tmpl: "${p#/amount}" }, b: 1 }])).toEqual([
      "/calls/1/arguments/a/$tmpl: A text cannot stand here: this must be number.",
    ]);
  });

  it("accepts what only the result can tell: a tool without an output schema promises nothing", () => {
    expect(
      mistakes(["p", "ping"], ["s", "add", { a: { $ref: "p#/x/0" }, b: { $ref: "p#" } }]),
    ).toEqual([]);
  });

  it("says how a reference is written where one was meant", () => {
    expect(mistakes(PRICE, ["s", "add", { a: { $ref: "p/amount" }, b: 1 }])).toEqual([
      '/calls/1/arguments/a: Must be of type number. A reference is written {"$ref": "label#/pointer"}.',
    ]);
  });

  it("says one thing of a reference to a call whose tool is unknown", () => {
    expect(mistakes(["p", "nothing"], ["s", "add", { a: { $ref: "p#/x" }, b: 1 }])).toEqual([
      '/calls/0/tool: There is no tool "nothing".',
    ]);
  });

  it("plans 256 calls in one chain, and refuses the ring", () => {
    const chain = Array.from({ length: 256 }, (_, n): Call => [
      `c${n}`,
      "add",
      { a: n === 0 ? 1 : { $ref: `c${n - 1}#` }, b: 1 },
    ]);
    const planned = plan(...chain);
    expect(planned.ok && planned.value[255]?.needs).toEqual(["c254"]);
    const ring = chain.with(0, ["c0", "add", { a: { $ref: "c255#" }, b: 1 }]);
    expect(mistakes(...ring)[0]).toMatch(/c0 -> c255 -> c254 .* c1 -> c0\.$/);
  });
});
