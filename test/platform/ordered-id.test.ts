import { describe, expect, it } from "vitest";

import { fromHex, toHex } from "../../src/platform/encoding.ts";
import { newOrderedId } from "../../src/platform/id.ts";

describe("newOrderedId", () => {
  it("sorts as text by time of creation", () => {
    const times = [0, 1, 61, 62, 1_700_000_000_000, 1_700_000_000_001, 2_000_000_000_000];
    const ids = times.map((nowMs) => newOrderedId("ten", nowMs));
    expect(ids.toSorted()).toEqual(ids);
    for (const id of ids) expect(id).toMatch(/^ten_[0-9A-Za-z]{24}$/);
  });

  it("is never the same twice in one millisecond", () => {
    const ids = Array.from({ length: 1000 }, () => newOrderedId("key", 5));
    expect(new Set(ids).size).toBe(1000);
  });
});

describe("fromHex", () => {
  it("undoes toHex and refuses everything else", () => {
    const bytes = Uint8Array.of(0, 1, 127, 128, 255);
    expect(fromHex(toHex(bytes))).toEqual(bytes);
    for (const text of ["0", "0g", "AB", " 00"]) expect(fromHex(text)).toBeNull();
  });
});
