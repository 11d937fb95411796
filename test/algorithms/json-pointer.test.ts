import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { listIndex, parsePointer, resolvePointer } from "../../src/algorithms/json-pointer.ts";
import { isJsonObject, type Json } from "../../src/platform/canonical-json.ts";

const SEED = 20_261_122;

/** The example document of RFC 6901 §5 and where its pointers lead. */
const DOCUMENT = {
  foo: ["bar", "baz"],
  "": 0,
  "a/b": 1,
  "c%d": 2,
  "e^f": 3,
  "g|h": 4,
  "i\\j": 5,
  'k"l': 6,
  " ": 7,
  "m~n": 8,
};
const RFC: readonly [string, Json][] = [
  ["", DOCUMENT],
  ["/foo", ["bar", "baz"]],
  ["/foo/0", "bar"],
  ["/", 0],
  ["/a~1b", 1],
  ["/c%d", 2],
  ["/e^f", 3],
  ["/g|h", 4],
  ["/i\\j", 5],
  ['/k"l', 6],
  ["/ ", 7],
  ["/m~0n", 8],
];

/** Where `pointer` leads, or "nowhere". */
function lookUp(value: Json, pointer: string): Json {
  const members = parsePointer(pointer);
  if (members === null) return "no pointer";
  const found = resolvePointer(value, members);
  return found.ok ? found.value : `nowhere after ${found.error}`;
}

/** Every place of a value with its pointer, found the slow way round. */
function placesOf(value: Json, pointer = ""): readonly (readonly [string, Json])[] {
  if (value === null || typeof value !== "object") return [[pointer, value]];
  const members = Object.entries(value).flatMap(([name, member]) =>
    placesOf(member, `${pointer}/${name.replace(/~/g, "~0").replace(/\//g, "~1")}`),
  );
  return [[pointer, value], ...members];
}

const names = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.constantFrom("~", "/", "~1", "~01", "0", "__proto__", "constructor", "toString", "-", ""),
);
const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<Json>(null, true, 1, "x"),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(names, tie("value"), { maxKeys: 4 }),
  ),
})).value;

describe("a JSON pointer", () => {
  it("leads where RFC 6901 says", () => {
    expect(RFC.map(([pointer]) => lookUp(DOCUMENT, pointer))).toEqual(RFC.map(([, led]) => led));
  });

  it("finds every place of any value, and no place that is not there", () => {
    fc.assert(
      fc.property(json, fc.array(names, { maxLength: 4 }), (value, members) => {
        const places = new Map(placesOf(value));
        for (const [pointer, there] of places) expect(lookUp(value, pointer)).toBe(there);
        const text = members
          .map((name) => `/${name.replace(/~/g, "~0").replace(/\//g, "~1")}`)
          .join("");
        expect(parsePointer(text)).toEqual(members);
        expect(resolvePointer(value, members).ok).toBe(places.has(text));
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  it("says how far it led", () => {
    const value = { a: { b: [1] } };
    const led = (pointer: string) => lookUp(value, pointer);
    expect(led("/x/y")).toBe("nowhere after 0");
    expect(led("/a/b/1")).toBe("nowhere after 2");
    expect(led("/a/b/0/c")).toBe("nowhere after 3");
  });

  it("finds nothing that was not in the JSON", () => {
    for (const pointer of ["/__proto__", "/constructor", "/a/length", "/a/-", "/a/00", "/a/1e0"]) {
      expect([pointer, lookUp({ a: [1] }, pointer)]).toEqual([
        pointer,
        expect.stringMatching(/^nowhere/),
      ]);
    }
    expect(isJsonObject(lookUp(JSON.parse('{"__proto__":{"x":1}}'), "/__proto__"))).toBe(true);
  });

  it("is refused without its slash and with an escape that is none", () => {
    expect(["a", "a/b", "/~", "/~2", "/a~", "#/a"].map(parsePointer)).toEqual(
      Array.from({ length: 6 }, () => null),
    );
  });

  it("takes an index only as RFC 6901 §4 writes it", () => {
    expect(["0", "10", "01", "-1", "", "1.0", "9999999999"].map(listIndex)).toEqual([
      0,
      10,
      null,
      null,
      null,
      null,
      null,
    ]);
  });
});
