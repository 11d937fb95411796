import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { mergeItems, type SourcedItem } from "../../src/algorithms/merge-items.ts";
import { isJsonObject, type Json } from "../../src/platform/canonical-json.ts";

const ITEM = fc.record(
  { a: fc.integer({ min: 0, max: 2 }), b: fc.record({ c: fc.integer({ min: 0, max: 1 }) }) },
  { requiredKeys: [] },
);
const SOURCES = fc.array(
  fc.record({
    from: fc.constantFrom("x", "y", "z"),
    key: fc.option(fc.constantFrom("1", "2", "3")),
    item: ITEM,
  }),
  { maxLength: 12 },
);

/** Every leaf of an item by its path. */
function leaves(item: Json, path = ""): readonly (readonly [string, Json])[] {
  return isJsonObject(item)
    ? Object.entries(item).flatMap(([name, member]) => leaves(member, `${path}/${name}`))
    : [[path, item]];
}

function byPath([a]: readonly [string, Json], [b]: readonly [string, Json]): number {
  return a < b ? -1 : Number(a > b);
}

/** The slow obvious model: of each key, each leaf has the value it has first; differences are counted. */
function model(sources: readonly SourcedItem[]) {
  const groups = new Map<string, SourcedItem[]>();
  for (const [index, source] of sources.entries()) {
    const key = source.key ?? `alone ${index}`;
    groups.set(key, [...(groups.get(key) ?? []), source]);
  }
  return [...groups.values()].map((group) => {
    const found = new Map<string, Json>();
    let conflicts = 0;
    for (const { item } of group) {
      for (const [path, value] of leaves(item)) {
        if (!found.has(path)) found.set(path, value);
        else if (found.get(path) !== value) conflicts += 1;
      }
    }
    return { found: [...found].toSorted(byPath), conflicts };
  });
}

describe("mergeItems", () => {
  it("equals the model: one item a key, first values stand, every difference is a conflict", () => {
    fc.assert(
      fc.property(SOURCES, (sources) => {
        const { items, conflicts } = mergeItems(sources, 1_000);
        const expected = model(sources);
        expect(items.map((item) => leaves(item).toSorted(byPath))).toEqual(
          expected.map(({ found }) => found),
        );
        expect(conflicts).toHaveLength(expected.reduce((sum, each) => sum + each.conflicts, 0));
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  it("lists at most so many conflicts", () => {
    const sources = [1, 2, 3].map((item) => ({ from: String(item), key: "k", item }));
    expect(mergeItems(sources, 1).conflicts).toEqual([
      { key: "k", pointer: "", kept: "1", dropped: "2" },
    ]);
  });

  it("names the place of a conflict as a JSON pointer, whatever the members are called", () => {
    const name = "~/a";
    const sources = [1, 2].map((value) => ({
      from: String(value),
      key: "k",
      item: { [name]: { b: value } },
    }));
    expect(mergeItems(sources, 9).conflicts).toMatchObject([{ pointer: "/~0~1a/b" }]);
  });
});
