/** `Retry-After` as providers write it. */

import { describe, expect, it } from "vitest";

import { MAX_RETRY_AFTER_MS, retryAfterMs } from "../../src/upstream/retry-after.ts";

const NOW = Date.parse("2026-11-22T12:00:00Z");

describe("retryAfterMs", () => {
  it.each([
    ["7", 7_000],
    [" 0 ", 0],
    ["1.5", 1_500],
    ["3600", MAX_RETRY_AFTER_MS],
    ["3601", MAX_RETRY_AFTER_MS],
    ["Sun, 22 Nov 2026 12:00:09 GMT", 9_000],
    ["Sun, 22 Nov 2026 11:00:00 GMT", 0],
    ["Mon, 23 Nov 2026 12:00:00 GMT", MAX_RETRY_AFTER_MS],
  ])("reads %s", (value, expected) => {
    expect(retryAfterMs(value, NOW)).toBe(expected);
  });

  it.each([null, "", "-5", "soon", "Sun, nonsense", "1e9", "NaN"])("ignores %s", (value) => {
    expect(retryAfterMs(value, NOW)).toBeNull();
  });
});
