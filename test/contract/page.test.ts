import { describe, expect, it } from "vitest";

import { MAX_PAGE_LIMIT, pageLimit, pageOf } from "../../src/contract/page.ts";

describe("pageOf", () => {
  it("has a next page when there is one item more than asked for", () => {
    expect(pageOf(["a", "b", "c"], 2, (item) => item)).toEqual({
      data: ["a", "b"],
      has_more: true,
      next: "b",
    });
    expect(pageOf(["a", "b"], 2, (item) => item)).toEqual({
      data: ["a", "b"],
      has_more: false,
      next: null,
    });
    expect(pageOf([], 2, String)).toEqual({ data: [], has_more: false, next: null });
  });
});

describe("pageLimit", () => {
  it.each([
    [0, 1],
    [-5, 1],
    [1, 1],
    [2.9, 2],
    [100, MAX_PAGE_LIMIT],
    [101, MAX_PAGE_LIMIT],
  ])("makes %s into %s", (asked, held) => {
    expect(pageLimit(asked)).toBe(held);
  });
});
