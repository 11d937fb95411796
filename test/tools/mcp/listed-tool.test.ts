import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { MAX_DESCRIPTION, judgeListedTool } from "../../../src/tools/mcp/listed-tool.ts";

const TOOL = {
  name: "look",
  title: "Look",
  description: "Looks at a place",
  inputSchema: {
    type: "object",
    properties: { city: { type: "string", description: "Where" }, n: { type: "integer" } },
    required: ["city"],
  },
  outputSchema: { type: "object", properties: { t: { type: "number" } } },
  annotations: { readOnlyHint: true, title: "Look" },
};

/** Every place of the definition that holds a plain value, as the keys that lead to it. */
function placesOf(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([key, member]) => placesOf(member, [...path, key]));
}

function changed(value: unknown, path: readonly string[], to: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return to;
  if (Array.isArray(value))
    return value.map((item, at) => (String(at) === key ? changed(item, rest, to) : item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      name === key ? changed(member, rest, to) : member,
    ]),
  );
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, member]) => [key, reversed(member)] as const)
      .toReversed(),
  );
}

function named(value: unknown): { readonly name: string } {
  return Object.assign({ name: "look" }, value);
}

describe("the hash of a definition", () => {
  it("changes with every field, whatever it becomes", async () => {
    const { hash } = await judgeListedTool(TOOL);
    const places = placesOf(TOOL);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), fc.string(), async (place, to) => {
        const before = place.reduce<unknown>(
          (value, key) => Object.entries(Object(value)).find(([name]) => name === key)?.[1],
          TOOL,
        );
        fc.pre(to !== before);
        const other = await judgeListedTool(named(changed(TOOL, place, to)));
        expect(other.hash).not.toBe(hash);
      }),
      { numRuns: 1000, seed: 7 },
    );
  });

  it("does not change with the order of members, nor with fields nobody goes by", async () => {
    const { hash } = await judgeListedTool(TOOL);
    expect((await judgeListedTool(named(reversed(TOOL)))).hash).toBe(hash);
    expect((await judgeListedTool(named({ ...TOOL, icons: [] }))).hash).toBe(hash);
  });
});

describe("judgeListedTool", () => {
  const problem = async (more: object) =>
    (await judgeListedTool({ ...TOOL, ...more })).problem?.reason;

  it("has nothing against a usable tool", async () => {
    expect(await judgeListedTool(TOOL)).toMatchObject({
      problem: null,
      note: null,
      description: "Looks at a place",
      input: TOOL.inputSchema,
      output: TOOL.outputSchema,
    });
  });

  it("takes title or name where there is no description", async () => {
    const without = { ...TOOL, description: undefined };
    expect(await judgeListedTool(without)).toMatchObject({ description: "Look" });
    expect(await judgeListedTool(named({ ...without, title: " " }))).toMatchObject({
      description: "look",
    });
  });

  it("refuses characters nobody sees, anywhere in it", async () => {
    for (const hidden of ["\u200b", "\u202e", "\u{e0041}", "\ufeff", "\u2066"]) {
      expect(await problem({ description: `a${hidden}b` })).toBe("hidden_characters");
      const inputSchema = { type: "object", properties: { a: { description: hidden } } };
      expect(await problem({ inputSchema })).toBe("hidden_characters");
    }
    expect(await problem({ description: "a\u0007b" })).toBe("hidden_characters");
    expect(await problem({ description: "Zeile\n\t\u{1f468}\u200d\u{1f4bb}" })).toBeUndefined();
  });

  it("refuses a description past the limit and none at it", async () => {
    expect(await problem({ description: "x".repeat(MAX_DESCRIPTION) })).toBeUndefined();
    expect(await problem({ description: "x".repeat(MAX_DESCRIPTION + 1) })).toBe(
      "description_too_long",
    );
  });

  it("refuses input schemas it cannot check, and notes output schemas it cannot", async () => {
    expect(await problem({ inputSchema: { type: "string" } })).toBe("schema_unusable");
    expect(await problem({ inputSchema: { type: "object", $ref: "https://a.example/b" } })).toBe(
      "schema_unusable",
    );
    let deep: object = {};
    for (let level = 0; level < 100; level += 1) deep = { properties: { a: deep } };
    expect(await problem({ inputSchema: { type: "object", ...deep } })).toBe("schema_unusable");
    const outputSchema = { type: "object", properties: { a: { type: "float" } } };
    const judged = await judgeListedTool(named({ ...TOOL, outputSchema }));
    expect(judged).toMatchObject({ problem: null, note: expect.stringContaining("/outputSchema") });
    expect(judged.output).toBeUndefined();
  });
});
