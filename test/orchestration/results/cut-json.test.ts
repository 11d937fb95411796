import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createCut, MIN_CUT_BYTES } from "../../../src/orchestration/results/cut-json.ts";

const encoder = new TextEncoder();
const SEED = { seed: 20_261_122, numRuns: 400 };

function cut(text: string, maxBytes: number): string {
  return createCut(encoder.encode(text))(maxBytes);
}

function cutValue(value: unknown, maxBytes: number): unknown {
  return JSON.parse(cut(JSON.stringify(value), maxBytes));
}

function bytesOf(text: string): number {
  return encoder.encode(text).length;
}

/** Text of any JSON value, written tightly or indented. */
const jsonText = fc
  .tuple(fc.jsonValue({ maxDepth: 6, stringUnit: "binary" }), fc.constantFrom(0, 2))
  .map(([value, indent]) => JSON.stringify(value, null, indent));

describe("createCut", () => {
  it("gives JSON that is never longer than its room, and the same bytes every time", () => {
    fc.assert(
      fc.property(jsonText, fc.integer({ min: MIN_CUT_BYTES, max: 400 }), (text, room) => {
        const short = cut(text, room);
        expect(bytesOf(short)).toBeLessThanOrEqual(room);
        expect(() => JSON.parse(short)).not.toThrow();
        expect(cut(text, room)).toBe(short);
      }),
      SEED,
    );
  });

  it("only drops white space where the value then fits", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const tight = JSON.stringify(value);
        const room = Math.max(MIN_CUT_BYTES, bytesOf(tight));
        expect(cut(JSON.stringify(value, null, 2), room)).toBe(tight);
      }),
      SEED,
    );
  });

  it("keeps every name of the outermost object wherever the names fit", () => {
    const name = fc.stringMatching(/^[a-zé]{1,8}$/);
    fc.assert(
      fc.property(fc.dictionary(name, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 20 }), (value) => {
        const names = Object.keys(value);
        const room = names.reduce((sum, each) => sum + bytesOf(each) + 4 + MIN_CUT_BYTES, 2);
        const short = cutValue(value, Math.max(MIN_CUT_BYTES, room));
        expect(Object.keys(Object(short))).toEqual(names);
      }),
      SEED,
    );
  });

  it("shows the first and last items of a list, and the places and number of those between", () => {
    const items = Array.from({ length: 1000 }, (_, n) => ({ n }));
    const short = cutValue(items, 200);
    expect(short).toEqual([
      ...items.slice(0, 10),
      "… 985 items left out (10 to 994) …",
      ...items.slice(-5),
    ]);
  });

  it("shows whatever speaks of an error, with its place", () => {
    const items = Array.from({ length: 500 }, (_, n) =>
      n === 321 ? { n, error: "The disk is full." } : { n, error: null },
    );
    const short = cut(JSON.stringify(items), 400);
    expect(short).toContain('{"n":321,"error":"The disk is full."}');
    expect(short).toContain("to 320) …");
  });

  it("gives the whole text of an error before anything else", () => {
    const message = "No such table: orders. ".repeat(8);
    const value = { log: "x".repeat(5000), error: { message } };
    expect(cutValue(value, 400)).toMatchObject({ error: { message } });
  });

  it("cuts a text in its middle and counts characters, not bytes", () => {
    const short = String(cutValue("🙂".repeat(500), 200));
    const [, left] = /^(?:🙂)+…\[(\d+) characters left out\]…(?:🙂)+$/u.exec(short) ?? [];
    const kept = Array.from(short.replace(/…\[.*\]…/, "")).length;
    expect(Number(left) + kept).toBe(500);
  });

  it.each(["\\\\", '\\"', "\\n", "\\u00e9", "\\ud83d\\ude42", "é", "漢", "😀"])(
    "never cuts inside %s",
    (piece) => {
      const whole: string = JSON.parse(`"${piece}"`);
      const text = `"${piece.repeat(300)}"`;
      for (let room = 48; room < 90; room += 1) {
        const short: string = JSON.parse(cut(text, room));
        const ends = short.replace(/…\[\d+ characters left out\]…/, "");
        expect(ends.replaceAll(whole, "")).toBe("");
      }
    },
  );

  it("takes containers nested deeper than anything it looks into", () => {
    const depth = 50_000;
    const text = "[".repeat(depth) + "]".repeat(depth);
    expect(() => JSON.parse(cut(text, 500))).not.toThrow();
  });

  it.each([
    [5, '"…"'],
    [23, '"…"'],
    [40, '["… 100 items left out …"]'],
  ])("says in %i bytes: %s", (room, short) => {
    const items = Array.from({ length: 100 }, () => "abcdefgh".repeat(9));
    expect(cut(JSON.stringify(items), room)).toBe(short);
  });
});
