import { describe, expect, it } from "vitest";

import { crc32 } from "../../src/algorithms/crc32.ts";
import { utf8 } from "../../src/platform/encoding.ts";

describe("crc32", () => {
  it("gives the check value of the standard", () => {
    expect(crc32(utf8("123456789"))).toBe(0xcbf43926);
    expect(crc32(utf8(""))).toBe(0);
  });
});
