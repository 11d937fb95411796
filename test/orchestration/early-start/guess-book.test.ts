import { describe, expect, it } from "vitest";

import { GuessBook } from "../../../src/orchestration/early-start/guess-book.ts";
import { plannedCall } from "../../support/fake-lanes.ts";

const call = plannedCall("made", { arguments: { a: 1, b: 2 } });
const same = plannedCall("other", { arguments: { b: 2, a: 1 } });

describe("GuessBook", () => {
  it("notes a guess once", () => {
    const book = new GuessBook();
    expect(book.add(call, 0)).toBe("guess~0");
    expect(book.add(same, 0)).toBeNull();
    expect(book.add(plannedCall("third"), 0)).toBe("guess~1");
    expect(book.takeRest()).toEqual(["guess~0", "guess~1"]);
    expect(book.takeRest()).toEqual([]);
  });

  it("lets one call join it, and counts the hit while that call stands", () => {
    const book = new GuessBook();
    book.add(call, 0);
    expect(book.join(same, 30)).toBe("guess~0");
    expect(book.join(call, 40)).toBeNull();
    expect(book.count).toEqual({ guesses: 1, hits: 1, savedMs: 0 });
    expect([book.part("guess~0"), book.part("guess~0")]).toEqual([true, false]);
    expect(book.count).toMatchObject({ guesses: 1, hits: 0 });
  });

  it.each([
    [100, 30],
    [20, 20],
  ])("saves no more than the call took: %i ms", (durationMs, savedMs) => {
    const book = new GuessBook();
    book.add(call, 10);
    book.join(call, 40);
    book.settle(() => durationMs);
    expect(book.count.savedMs).toBe(savedMs);
  });
});
