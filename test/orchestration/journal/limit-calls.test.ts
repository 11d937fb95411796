import { describe, expect, it } from "vitest";

import type { CallOutcome } from "../../../src/contract/run.ts";
import { limitCalls, MAX_SAME_FAILURES } from "../../../src/orchestration/journal/limit-calls.ts";
import { CallNumbers } from "../../../src/orchestration/journal/number-calls.ts";
import type { LanePool } from "../../../src/orchestration/ports.ts";
import { FAILED, plannedCall, succeeded } from "../../support/fake-lanes.ts";
import { testDigest } from "../../support/memory-journal.ts";

const NEVER = new AbortController().signal;

/** A run whose tool answers with `outcomes` in order, the last one for ever. */
function runOf(outcomes: readonly CallOutcome[], maxUses: number | null = null) {
  let sent = 0;
  const pool: LanePool = {
    lanes: () => [
      {
        slots: 5,
        run: () => {
          sent += 1;
          return Promise.resolve(outcomes[Math.min(sent, outcomes.length) - 1] ?? FAILED);
        },
      },
    ],
    close: () => undefined,
  };
  const limited = limitCalls(pool, new CallNumbers("run_1", testDigest), () => maxUses);
  const [lane] = limited.lanes(1);
  let made = 0;
  const make = async (args = {}) => {
    const call = plannedCall(`call_${(made += 1)}`, { effect: "write", arguments: args });
    return lane?.run(call, 1_000, NEVER);
  };
  return {
    sent: () => sent,
    turn: () => limited.beginTurn?.(),
    call: async (args = {}) => (await make(args))?.error?.code ?? "ok",
    make,
  };
}

describe("limitCalls", () => {
  it("sends as many calls of a tool as it allows and says so of the next", async () => {
    const run = runOf([succeeded()], 2);
    expect([await run.call(), await run.call({ x: 1 }), await run.call({ x: 2 })]).toEqual([
      "ok",
      "ok",
      "use_limit",
    ]);
    expect(run.sent()).toBe(2);
  });

  it("ends a call that it does not send as failed, without an attempt", async () => {
    const run = runOf([succeeded()], 1);
    await run.call();
    expect(await run.make()).toMatchObject({
      status: "failed",
      error: { code: "use_limit" },
      cache: "bypass",
      attempts: 0,
    });
  });

  it("does not count what the run's own deadline ended", async () => {
    const late: CallOutcome = {
      ...FAILED,
      status: "timeout",
      error: { code: "deadline_exceeded", message: "Too late." },
    };
    const run = runOf([late]);
    for (let turn = 0; turn <= MAX_SAME_FAILURES; turn += 1) {
      run.turn();
      expect(await run.call()).toBe("deadline_exceeded");
    }
  });

  it("no longer sends a call that failed the same way in as many turns as it may", async () => {
    const run = runOf([FAILED]);
    for (let turn = 0; turn < MAX_SAME_FAILURES; turn += 1) {
      run.turn();
      expect(await run.call()).toBe("upstream_status");
    }
    run.turn();
    expect(await run.call()).toBe("repeated_failure");
    expect(await run.call({ other: true })).toBe("upstream_status");
    expect(run.sent()).toBe(MAX_SAME_FAILURES + 1);
  });

  it("counts turns, not calls: a turn may make the same failing call many times", async () => {
    const run = runOf([FAILED]);
    run.turn();
    for (let n = 0; n < 5; n += 1) expect(await run.call()).toBe("upstream_status");
  });

  it.each<[string, CallOutcome]>([
    ["a success", succeeded()],
    ["another failure", { ...FAILED, error: { code: "result_invalid", message: "" } }],
  ])("starts anew after %s", async (_, between) => {
    const run = runOf([FAILED, between, FAILED]);
    for (let turn = 0; turn < 3; turn += 1) {
      run.turn();
      await run.call();
    }
    run.turn();
    expect(await run.call()).toBe("upstream_status");
    expect(run.sent()).toBe(4);
  });

  it.each<CallOutcome["status"]>(["rate_limited", "cancelled"])(
    "does not hold %s against a call",
    async (status) => {
      const run = runOf([{ ...FAILED, status }]);
      for (let turn = 0; turn < 5; turn += 1) {
        run.turn();
        expect(await run.call()).toBe("upstream_status");
      }
      expect(run.sent()).toBe(5);
    },
  );
});
