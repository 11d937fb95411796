import { describe, expect, it } from "vitest";

import { INLINE_LENGTH, roomyLanes, shareInlineRoom } from "../../src/assembly/inline-room.ts";
import type { CallOutcome } from "../../src/contract/run.ts";
import type { Lane, PlannedCall } from "../../src/orchestration/ports.ts";
import { plannedCall } from "../support/fake-lanes.ts";

const MAX = 8 * 1024 * 1024;

function callsOf(count: number): PlannedCall[] {
  return Array.from({ length: count }, (_, n) => plannedCall(`c${n}`));
}

describe("shareInlineRoom", () => {
  it.each([
    [1, MAX],
    [2, INLINE_LENGTH / 2],
    [200, Math.floor(INLINE_LENGTH / 200)],
  ])("gives each of %i calls %i", (count, length) => {
    const shares = shareInlineRoom(callsOf(count)).map(({ inlineLength }) => inlineLength);
    expect(new Set(shares)).toEqual(new Set([length]));
  });

  it("gives what others need a room of the same size of its own", () => {
    const [first = plannedCall("none"), ...rest] = callsOf(100);
    const needing = rest.map((call) => ({ ...call, needs: [first.id] }));
    const shared = shareInlineRoom([first, ...needing]);
    expect(shared.map(({ inlineLength }) => inlineLength).slice(0, 2)).toEqual([
      MAX,
      Math.floor(INLINE_LENGTH / 100),
    ]);
  });
});

describe("roomyLanes", () => {
  /** A lane whose calls end when they are told. */
  function scene() {
    const granted: (number | undefined)[] = [];
    const ends: ((outcome: CallOutcome) => void)[] = [];
    const lane: Lane = {
      slots: 200,
      run: (call) => {
        granted.push(call.inlineLength);
        return new Promise((resolve) => ends.push(resolve));
      },
    };
    const pool = roomyLanes({ lanes: () => [lane], close: () => undefined });
    const start = (changes: Partial<PlannedCall> = {}) =>
      pool.lanes(1)[0]?.run(plannedCall("c", changes), 1_000, new AbortController().signal);
    const outcome = (length: number): CallOutcome => ({
      status: "succeeded",
      outputJson: "x".repeat(length),
      cache: "bypass",
      attempts: 1,
    });
    return { pool, granted, ends, start, outcome };
  }

  it("never grants more than its room and the least part of each call together", () => {
    const { granted, start } = scene();
    for (let n = 0; n < 150; n += 1) void start();
    const sum = granted.reduce((total: number, each) => total + (each ?? 0), 0);
    expect(sum).toBeLessThanOrEqual(INLINE_LENGTH + 150 * 32 * 1024);
    expect(granted[0]).toBe(INLINE_LENGTH / 4);
    expect(granted.at(-1)).toBe(32 * 1024);
  });

  it("gives back what a call did not use, and everything when the next turn begins", async () => {
    const { granted, ends, start, outcome } = scene();
    const first = start();
    ends[0]?.(outcome(0));
    await first;
    const second = start();
    expect(granted[1]).toBe(INLINE_LENGTH / 4);
    ends[1]?.(outcome(1_000_000));
    await second;
    void start();
    expect(granted[2]).toBe(INLINE_LENGTH / 4);
  });

  it("keeps nothing of a chain's steps: other steps are built on what they give", () => {
    const { granted, start } = scene();
    for (let n = 0; n < 30; n += 1) void start({ partOf: "chain" });
    void start();
    expect(granted.slice(0, 30)).toEqual(Array.from({ length: 30 }, () => undefined));
    expect(granted[30]).toBe(INLINE_LENGTH / 4);
  });
});
