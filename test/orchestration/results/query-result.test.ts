import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { ResultQuery } from "../../../src/contract/result-query.ts";
import { queryResult, valueAt } from "../../../src/orchestration/results/query-result.ts";
import { isJsonArray, isJsonObject, type Json } from "../../../src/platform/canonical-json.ts";

const VALUE = {
  "a/b~c": { "": 1 },
  text: "0123456789".repeat(500),
  items: Array.from({ length: 50 }, (_, id) => ({
    id,
    name: id % 2 === 0 ? `Even ${id}` : `odd ${id}`,
    tags: id === 7 ? ["rare", "blue"] : ["blue"],
    at: { day: `2026-11-${String((id % 28) + 1).padStart(2, "0")}` },
  })),
};
const JSON_TEXT = JSON.stringify(VALUE, null, 1);

function ask(query: Partial<ResultQuery>): unknown {
  const answer = queryResult(JSON_TEXT, { handle: "", pointer: "", offset: 0, ...query });
  return answer.ok ? JSON.parse(answer.value) : answer.error;
}

/** RFC 6901 over parsed values: slow and plain. Undefined when the pointer leads nowhere. */
function plainValueAt(whole: Json, members: readonly string[]): Json | undefined {
  let value: Json = whole;
  for (const member of members) {
    const isItem = isJsonArray(value) && /^(0|[1-9]\d*)$/.test(member);
    if (!isItem && !isJsonObject(value)) return undefined;
    if (!Object.hasOwn(Object(value), member)) return undefined;
    value = Object(value)[member];
  }
  return value;
}

// No name that is a lone backslash: once one was parsed, V8's JSON.parse takes `"\\"":` after the same members for it.
const NAMES = fc.constantFrom("a", "b", "0", "1", "", "a/b", "~", "é", '"', "\n", "__proto__");
const VALUES = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json>(null, 1, "x", [], {}),
    fc.array(tie("json"), { maxLength: 3 }),
    fc.dictionary(NAMES, tie("json"), { maxKeys: 3 }),
  ),
})).json;

describe("valueAt", () => {
  it("finds what following the pointer through the parsed value finds", () => {
    fc.assert(
      fc.property(VALUES, fc.array(NAMES, { maxLength: 4 }), (json, members) => {
        const pointer = members
          .map((member) => `/${member.replaceAll("~", "~0").replaceAll("/", "~1")}`)
          .join("");
        const text = JSON.stringify(json, null, 1);
        const found = valueAt(text, pointer);
        const plain = plainValueAt(JSON.parse(text), members);
        expect(found === null ? undefined : JSON.parse(found)).toEqual(plain);
      }),
      { seed: 20_261_122, numRuns: 800 },
    );
  });
});

describe("queryResult", () => {
  it("reads one item, a member with an awkward name, and a page of a list", () => {
    expect(ask({ pointer: "/items/17/name" })).toBe("odd 17");
    expect(ask({ pointer: "/a~1b~0c/" })).toBe(1);
    expect(ask({ pointer: "/items", offset: 48, limit: 5, fields: ["id"] })).toEqual({
      count: 50,
      offset: 48,
      items: [{ id: 48 }, { id: 49 }],
    });
    expect(ask({ pointer: "/items/3", fields: ["/at/day", "id"] })).toEqual({
      "/at/day": "2026-11-04",
      id: 3,
    });
  });

  it.each([
    [{ field: "name", op: "equals", value: "odd 3" }, [3]],
    [{ field: "name", op: "contains", value: "EVEN 4" }, [4, 40, 42, 44, 46, 48]],
    [{ field: "tags", op: "contains", value: "rare" }, [7]],
    [{ field: "id", op: "gte", value: 48 }, [48, 49]],
    [{ field: "id", op: "lt", value: 2 }, [0, 1]],
    [{ field: "/at/day", op: "gt", value: "2026-11-27" }, [27]],
    [{ field: "/at/day", op: "lte", value: "2026-11-01" }, [0, 28]],
    [{ field: "nothing", op: "equals", value: 1 }, []],
    [{ field: "id", op: "gt", value: "1" }, []],
  ] as const)("keeps the items for which %j holds", (filter, ids) => {
    expect(ask({ pointer: "/items", filter, fields: ["id"] })).toEqual({
      count: 50,
      matched: ids.length,
      offset: 0,
      items: ids.map((id) => ({ id })),
    });
  });

  it("reads a piece of a long text", () => {
    expect(ask({ pointer: "/text", offset: 4_995, limit: 100 })).toEqual({
      characters: 5_000,
      offset: 4_995,
      text: "56789",
    });
  });

  it("says how far a pointer led and what is there", () => {
    expect(ask({ pointer: "/items/50/name" })).toBe(
      'The pointer leads nowhere: "/items" is a list of 50 items, counted from 0.',
    );
    expect(ask({ pointer: "/nope" })).toBe(
      'The pointer leads nowhere: the whole result has the members "a/b~c", "text", "items".',
    );
    expect(ask({ pointer: "/text/0" })).toBe(
      'The pointer leads nowhere: "/text" is a single value.',
    );
    expect(ask({ pointer: "/text", filter: { field: "", op: "equals", value: 1 } })).toContain(
      "A filter needs a list",
    );
  });
});
