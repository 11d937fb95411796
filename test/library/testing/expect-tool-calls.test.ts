import { describe, expect, it } from "vitest";

import {
  ExpectationFailed,
  expectToolCalls,
  type TimedCall,
} from "../../../src/library/testing/expect-tool-calls.ts";

function timed(id: string, startedMs: number, durationMs: number, tool = id): TimedCall {
  return { id, tool, startedMs, durationMs };
}

/** Two side by side, a third after them. */
const MIXED = [timed("a", 0, 100), timed("b", 50, 100), timed("c", 150, 50, "b")];

/** The first line of the complaint, or null when there is none. */
function complaintOf(expectation: () => unknown): string | null {
  try {
    expectation();
    return null;
  } catch (error) {
    if (!(error instanceof ExpectationFailed)) throw error;
    return error.message.split("\n")[0] ?? "";
  }
}

describe("expectToolCalls holds when it should", () => {
  it("and can be chained", () => {
    expectToolCalls(MIXED)
      .toBe("a", "b", "c")
      .maxConcurrentCalls(2)
      .totalDuration({ atLeast: 200, atMost: 200 });
    expectToolCalls(MIXED).of("a", "b").maxConcurrentCalls(2);
    expectToolCalls(MIXED.slice(0, 2)).inParallel();
    expectToolCalls(MIXED).of("b").inOrder();
    expectToolCalls([]).toBe().maxConcurrentCalls(0);
  });
});

describe("expectToolCalls fails for a planted fault", () => {
  it("toBe: a call that is missing, one that nobody expected, one that is there once too often", () => {
    expect(complaintOf(() => expectToolCalls(MIXED).toBe("a", "b", "c", "d"))).toBe(
      'There is no call of "d".',
    );
    expect(complaintOf(() => expectToolCalls(MIXED).toBe("a", "b"))).toBe('Nobody expected "c".');
    expect(complaintOf(() => expectToolCalls(MIXED).of("x"))).toBe('There is no call of "x".');
  });

  it("inParallel: one begins as another ends, also when it does so exactly then", () => {
    expect(complaintOf(() => expectToolCalls(MIXED).inParallel())).toBe(
      'The calls did not all run at once: "c" began at 150 ms, when "a" had ended at 100 ms.',
    );
    const touching = [timed("a", 0, 100), timed("b", 100, 100)];
    expect(complaintOf(() => expectToolCalls(touching).inParallel())).not.toBe(null);
    expect(
      complaintOf(() => expectToolCalls([timed("a", 0, 100), timed("b", 99, 1)]).inParallel()),
    ).toBe(null);
  });

  it("inOrder: one begins a millisecond too early, or stands in the wrong place", () => {
    const early = [timed("a", 0, 100), timed("b", 99, 100)];
    expect(complaintOf(() => expectToolCalls(early).inOrder())).toBe(
      '"b" began at 99 ms, before "a" had ended at 100 ms.',
    );
    const swapped = [timed("b", 100, 100), timed("a", 0, 100)];
    expect(complaintOf(() => expectToolCalls(swapped).inOrder())).not.toBe(null);
  });

  it("maxConcurrentCalls: one more than may, for a millisecond", () => {
    const three = [timed("a", 0, 100), timed("b", 50, 100), timed("c", 99, 1)];
    expect(complaintOf(() => expectToolCalls(three).maxConcurrentCalls(2))).toBe(
      '3 calls ran at once at 99 ms, and at most 2 may: "a", "b", "c".',
    );
    expect(complaintOf(() => expectToolCalls(MIXED).maxConcurrentCalls(1))).not.toBe(null);
  });

  it("totalDuration: a millisecond too long, or too short", () => {
    const late = [timed("a", 1_000, 100)];
    expect(complaintOf(() => expectToolCalls(late).totalDuration({ atMost: 99 }))).toBe(
      "The calls took 100 ms, more than 99 ms.",
    );
    expect(complaintOf(() => expectToolCalls(late).totalDuration({ atLeast: 101 }))).toBe(
      "The calls took 100 ms, less than 101 ms.",
    );
  });

  it("says nothing about too few calls instead of holding for none", () => {
    expect(complaintOf(() => expectToolCalls([]).inParallel())).toContain("needs 2");
    expect(complaintOf(() => expectToolCalls(MIXED.slice(0, 1)).inOrder())).toContain("needs 2");
    expect(complaintOf(() => expectToolCalls([]).totalDuration({}))).toContain("needs 1");
  });
});

describe("the drawing under a complaint", () => {
  it("shows every call as a bar over time, and counts what does not fit", () => {
    const draw = (calls: readonly TimedCall[]) => {
      try {
        expectToolCalls(calls).toBe("nobody");
        return [];
      } catch (error) {
        return (error as Error).message.split("\n").slice(2);
      }
    };
    expect(draw(MIXED)).toEqual([
      `a                        |${"█".repeat(20)}${" ".repeat(20)}| 0–100 ms`,
      `b                        |${" ".repeat(10)}${"█".repeat(20)}${" ".repeat(10)}| 50–150 ms`,
      `c (b)                    |${" ".repeat(30)}${"█".repeat(10)}| 150–200 ms`,
    ]);
    const many = Array.from({ length: 42 }, (_, n) => timed(`call_${n}`, 0, 1));
    expect(draw(many)).toHaveLength(41);
    expect(draw(many).at(-1)).toBe("… and 2 more");
    expect(draw([])).toEqual(["(no calls)"]);
  });
});
