/** Missing closing brackets are added, and nothing else is made up. */

import { describe, expect, it } from "vitest";

import { closeBrackets } from "../../src/upstream/close-brackets.ts";

describe("closeBrackets", () => {
  it.each([
    ['{"a":{"b":[1,{"c":"}"}]', '{"a":{"b":[1,{"c":"}"}]}}'],
    ['{"a":"x\\""', '{"a":"x\\""}'],
    [`${"[".repeat(8)}{}`, `${"[".repeat(8)}{}${"]".repeat(8)}`],
  ])("closes %s", (text, whole) => {
    expect(closeBrackets(text)).toBe(whole);
  });

  it.each(['{"a":1', '{"a":"b', '{"a":[1,', "{}", "", `${"[".repeat(9)}{}`])(
    "leaves %s alone",
    (text) => {
      expect(closeBrackets(text)).toBeNull();
    },
  );
});
