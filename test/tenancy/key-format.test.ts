import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { BASE62 } from "../../src/platform/id.ts";
import { keyHint, KEY_PATTERN, mintKeyText, parseKeyText } from "../../src/tenancy/key-format.ts";

const SEED = 20_261_122;

describe("mintKeyText", () => {
  it.each(["us", "eu", "ap"] as const)("makes a key that names its region %s", (region) => {
    const key = mintKeyText(region, "live");
    expect(key).toMatch(new RegExp(`^tfe_live_${region}_[0-9A-Za-z]{36}$`));
    expect(parseKeyText(key)).toEqual({ region });
  });

  it("never makes the same key twice", () => {
    const keys = Array.from({ length: 1000 }, () => mintKeyText("us", "test"));
    expect(new Set(keys).size).toBe(1000);
  });
});

describe("parseKeyText", () => {
  it("refuses every key with one character changed, dropped or doubled", () => {
    const key = mintKeyText("eu", "live");
    let accepted = 0;
    for (let index = 0; index < key.length; index += 1) {
      const rest = key.slice(index + 1);
      for (const digit of BASE62) {
        if (digit === key.charAt(index)) continue;
        if (parseKeyText(key.slice(0, index) + digit + rest) !== null) accepted += 1;
      }
      if (parseKeyText(key.slice(0, index) + rest) !== null) accepted += 1;
      if (parseKeyText(key.slice(0, index + 1) + key.charAt(index) + rest) !== null) accepted += 1;
    }
    expect(accepted).toBe(0);
  });

  it("refuses keys with two characters changed", () => {
    const place = fc.tuple(fc.integer({ min: 12, max: 47 }), fc.constantFrom(...BASE62.split("")));
    fc.assert(
      fc.property(place, place, ([first, a], [second, b]) => {
        const key = mintKeyText("us", "live");
        const characters = key.split("");
        characters[first] = a;
        characters[second] = b;
        const mutant = characters.join("");
        fc.pre(mutant !== key);
        expect(parseKeyText(mutant)).toBeNull();
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  it.each(["", "tfe_", "tfe_live_us_", "sk-0123456789", "tfe_live_xx_" + "0".repeat(36), " "])(
    "refuses %j",
    (text) => {
      expect(parseKeyText(text)).toBeNull();
    },
  );

  it("refuses a key with anything before or after it", () => {
    const key = mintKeyText("us", "test");
    for (const text of [` ${key}`, `${key} `, `${key}\n`, `x${key}`]) {
      expect(parseKeyText(text)).toBeNull();
    }
  });
});

describe("keyHint", () => {
  it("shows the words and the last four digits only", () => {
    const key = mintKeyText("ap", "test");
    expect(keyHint(key)).toBe(`tfe_test_ap_…${key.slice(-4)}`);
    expect(KEY_PATTERN.test(keyHint(key))).toBe(false);
  });
});
