import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Utf8Stream, utf8Text } from "../../src/platform/utf8-stream.ts";

const encoder = new TextEncoder();

/** What the platform's own decoder makes of the whole. */
function plainly(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return null;
  }
}

/** The text of `bytes`, pushed in pieces of these lengths over and over. */
function pieced(bytes: Uint8Array, lengths: readonly number[]): string | null {
  const stream = new Utf8Stream();
  let text = "";
  for (let at = 0, turn = 0; at < bytes.byteLength; turn += 1) {
    const length = lengths[turn % lengths.length] ?? 1;
    const piece = stream.push(bytes.subarray(at, at + length));
    if (piece === null) return null;
    text += piece;
    at += length;
  }
  return stream.isWhole ? text : null;
}

const LENGTHS = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

describe("Utf8Stream", () => {
  it("reads any text the same however it is cut", () => {
    const text = fc.string({ unit: "binary", maxLength: 40 });
    fc.assert(
      fc.property(text, LENGTHS, (whole, lengths) => {
        const bytes = encoder.encode(whole);
        expect(pieced(bytes, lengths)).toBe(plainly(bytes));
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it("refuses whatever the platform's decoder refuses, and reads what it reads", () => {
    const bytes = fc.array(fc.constantFrom(0x41, 0x80, 0xbf, 0xc2, 0xe2, 0x82, 0xf0, 0x9f, 0xff), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(bytes, LENGTHS, (some, lengths) => {
        const all = Uint8Array.from(some);
        expect(pieced(all, lengths)).toBe(plainly(all));
      }),
      { numRuns: 2_000, seed: 2 },
    );
  });

  it("drops a byte order mark at the beginning, cut or not, and keeps one further on", () => {
    const bytes = encoder.encode("\uFEFFa\uFEFFb");
    expect(pieced(bytes, [1])).toBe("a\uFEFFb");
    expect(pieced(bytes, [4])).toBe("a\uFEFFb");
    expect(utf8Text(bytes)).toBe("a\uFEFFb");
  });
});

describe("utf8Text", () => {
  it("is null for bytes that are no UTF-8, also cut within a character", () => {
    expect(utf8Text(Uint8Array.of(0xe2, 0x82))).toBeNull();
    expect(utf8Text(Uint8Array.of(0x61, 0xff))).toBeNull();
    expect(utf8Text(new Uint8Array())).toBe("");
  });
});
