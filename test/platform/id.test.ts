import { describe, expect, it } from "vitest";

import { newId } from "../../src/platform/id.ts";

describe("newId", () => {
  it("is the prefix and 22 base62 digits", () => {
    expect(newId("run")).toMatch(/^run_[0-9A-Za-z]{22}$/);
  });
});
