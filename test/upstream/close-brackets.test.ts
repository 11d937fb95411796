/** Missing closing brackets are added, and nothing else is made up. */

import { describe, expect, it } from "vitest";

import { closeBrackets, isCutOff } from "../../src/upstream/close-brackets.ts";

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

describe("isCutOff", () => {
  it.each([
    ['{"a":[1,2', true],
    ['{"a":"with } inside', true],
    ["[{}", true],
    ['{"a":1}', false],
    ['"text', false],
    ["<html>{", false],
    ["", false],
  ])("says of %s: %s", (text, expected) => {
    expect(isCutOff(text)).toBe(expected);
  });
});
