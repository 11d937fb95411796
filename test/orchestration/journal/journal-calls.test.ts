import { describe, expect, it } from "vitest";

import type { CallOutcome } from "../../../src/contract/run.ts";
import { journalCalls, type RunBounds } from "../../../src/orchestration/journal/journal-calls.ts";
import { CallNumbers } from "../../../src/orchestration/journal/number-calls.ts";
import type { LanePool, PlannedCall } from "../../../src/orchestration/ports.ts";
import { FAILED, plannedCall, succeeded } from "../../support/fake-lanes.ts";
import { MemoryJournal, testDigest } from "../../support/memory-journal.ts";

const NEVER = new AbortController().signal;
const OPEN: RunBounds = { deadlineAtMs: 10_000, isCancelled: false, now: () => 1_000 };

/** Lanes that remember what was sent; `answer` may never come. */
function lanes(answer: (call: PlannedCall) => Promise<CallOutcome>) {
  const sent: PlannedCall[] = [];
  const pool: LanePool = {
    lanes: () => [
      {
        slots: 5,
        run: (call) => {
          sent.push(call);
          return answer(call);
        },
      },
    ],
    close: () => undefined,
  };
  return { sent, pool };
}

/** One life of a run: its calls are made one by one. */
async function life(
  journal: MemoryJournal | null,
  calls: readonly PlannedCall[],
  { answer = () => Promise.resolve(succeeded("new")), bounds = OPEN, digest = testDigest } = {},
) {
  const numbers = new CallNumbers("run_1", digest);
  const { sent, pool } = lanes(answer);
  const [lane] = journalCalls(pool, numbers, journal, bounds).lanes(1);
  const outcomes: CallOutcome[] = [];
  for (const call of calls) {
    const outcome = await lane?.run(call, 5_000, NEVER);
    if (outcome !== undefined) outcomes.push(outcome);
  }
  return { outcomes, sent };
}

/** A life that is lost while its call is under way. */
async function lostLife(journal: MemoryJournal, call: PlannedCall): Promise<void> {
  const numbers = new CallNumbers("run_1", testDigest);
  const { pool } = lanes(() => new Promise(() => undefined));
  const [lane] = journalCalls(pool, numbers, journal, OPEN).lanes(1);
  void lane?.run(call, 5_000, NEVER);
  for (let turns = 0; turns < 20; turns += 1) await Promise.resolve();
}

const write = plannedCall("w", { effect: "write", tool: "write" });
const put = plannedCall("p", { effect: "idempotent_write", tool: "put" });
const read = plannedCall("r");

describe("journalCalls", () => {
  it("writes claimed, sent, and how it ended", async () => {
    const journal = new MemoryJournal();
    await life(journal, [read]);
    expect(journal.states).toEqual(["claimed", "sent", "done"]);
    const failing = new MemoryJournal();
    await life(failing, [read], { answer: () => Promise.resolve(FAILED) });
    expect(failing.states.at(-1)).toBe("failed");
  });

  it.each([write, put, read])(
    "answers a call that ended from the log, whatever its effect: $effect",
    async (call) => {
      const journal = new MemoryJournal();
      await life(journal, [call], { answer: () => Promise.resolve(succeeded("old")) });
      const { outcomes, sent } = await life(journal.nextLife(), [call]);
      expect(outcomes).toEqual([succeeded("old")]);
      expect(sent).toEqual([]);
    },
  );

  it("does not send a write again that was under way, and says it may have happened", async () => {
    const journal = new MemoryJournal();
    await lostLife(journal, write);
    const next = journal.nextLife();
    const { outcomes, sent } = await life(next, [write]);
    expect(sent).toEqual([]);
    expect(outcomes).toMatchObject([{ status: "outcome_unknown", error: { code: "interrupted" } }]);
    expect(next.states).toEqual(["outcome_unknown"]);
    const third = await life(next.nextLife(), [write]);
    expect(third).toMatchObject({ sent: [], outcomes: [{ status: "outcome_unknown" }] });
  });

  it.each([
    ["that a write may have happened", write, true],
    ["how a call ended", read, false],
  ] as const)("says %s only when that is durable", async (_, call, isLost) => {
    const journal = new MemoryJournal();
    if (isLost) await lostLife(journal, call);
    const durable = Promise.withResolvers<void>();
    const slow = Object.assign(journal.nextLife(), { settle: () => durable.promise });
    let isSaid = false;
    const saying = life(slow, [call]).then(() => (isSaid = true));
    for (let turns = 0; turns < 200; turns += 1) await Promise.resolve();
    expect(isSaid).toBe(false);
    durable.resolve();
    expect(await saying).toBe(true);
  });

  it("logs of a call what became of it: a result, a failure, or that nobody knows", async () => {
    const journal = new MemoryJournal();
    const unknown: CallOutcome = { ...FAILED, status: "outcome_unknown" };
    const ends = [succeeded("new"), FAILED, unknown];
    const calls = ["a", "b", "c"].map((id) => plannedCall(id, { effect: "write", tool: id }));
    await life(journal, calls, {
      answer: () => Promise.resolve(ends.shift() ?? FAILED),
    });
    const ended = journal.states.filter((state) => state !== "claimed" && state !== "sent");
    expect(ended).toEqual(["done", "failed", "outcome_unknown"]);
  });

  it("sends an idempotent write again under the same key", async () => {
    const journal = new MemoryJournal();
    await lostLife(journal, put);
    const { sent } = await life(journal.nextLife(), [put]);
    const first = await life(null, [put]);
    expect(sent.map(({ idempotencyKey }) => idempotencyKey)).toEqual([
      first.sent[0]?.idempotencyKey,
    ]);
    expect(sent[0]?.idempotencyKey).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it("runs a read again that was under way", async () => {
    const journal = new MemoryJournal();
    await lostLife(journal, read);
    expect((await life(journal.nextLife(), [read])).sent).toHaveLength(1);
  });

  it("makes a key for idempotent writes only, and logs nothing, without a journal", async () => {
    const digested: string[] = [];
    const digest = (text: string) => {
      digested.push(text);
      return testDigest(text);
    };
    const { sent } = await life(null, [read, write, put], { digest });
    expect(digested).toHaveLength(1);
    expect(sent.map(({ idempotencyKey }) => idempotencyKey !== undefined)).toEqual([
      false,
      false,
      true,
    ]);
  });

  it("tells identical writes apart and finds each again, in whatever order they start", async () => {
    const journal = new MemoryJournal();
    const twins = ["a", "b"].map((id) => plannedCall(id, { effect: "write" }));
    let n = 0;
    await life(journal, twins, { answer: () => Promise.resolve(succeeded((n += 1))) });
    expect(journal.written.size).toBe(2);
    const next = await life(journal.nextLife(), twins);
    expect(next.outcomes.map(({ outputJson }) => outputJson)).toEqual(["1", "2"]);
  });

  it.each([
    ["deadline", { ...OPEN, deadlineAtMs: 1_000 }, "timeout"],
    ["cancel", { ...OPEN, isCancelled: true }, "cancelled"],
  ] as const)(
    "after the %s sends nothing more but still tells what ended and what is unknown",
    async (_, bounds: RunBounds, status) => {
      const journal = new MemoryJournal();
      await life(journal, [read], { answer: () => Promise.resolve(succeeded("old")) });
      await lostLife(journal, write);
      await lostLife(journal, put);
      const fresh = plannedCall("f", { arguments: { fresh: true } });
      const { outcomes, sent } = await life(journal.nextLife(), [read, write, put, fresh], {
        bounds,
      });
      expect(sent).toEqual([]);
      expect(outcomes.at(-1)).toMatchObject({ attempts: 0 });
      expect(outcomes.map((outcome) => outcome.status)).toEqual([
        "succeeded",
        "outcome_unknown",
        "outcome_unknown",
        status,
      ]);
    },
  );

  it("does not send a write when the deadline passes while the log is written", async () => {
    let nowMs = 1_000;
    const journal = new MemoryJournal();
    const slow = Object.assign(journal, {
      send: async () => {
        nowMs = 10_000;
      },
    });
    const bounds = { ...OPEN, now: () => nowMs };
    const { outcomes, sent } = await life(slow, [write], { bounds });
    expect(sent).toEqual([]);
    expect(outcomes).toMatchObject([
      { status: "timeout", error: { code: "deadline_exceeded" }, attempts: 0 },
    ]);
    expect(journal.states.at(-1)).toBe("claimed");
  });

  it("forgets a cancelled call, which the run may still want", async () => {
    const journal = new MemoryJournal();
    const cancelled: CallOutcome = { ...FAILED, status: "cancelled" };
    await life(journal, [read], { answer: () => Promise.resolve(cancelled) });
    expect((await life(journal.nextLife(), [read])).sent).toHaveLength(1);
  });

  it("leaves a call no more time than the run has", async () => {
    const numbers = new CallNumbers("run_1", testDigest);
    const given: number[] = [];
    const pool: LanePool = {
      lanes: () => [
        {
          slots: 1,
          run: (_, timeoutMs) => {
            given.push(timeoutMs);
            return Promise.resolve(succeeded());
          },
        },
      ],
      close: () => undefined,
    };
    const bounds = { ...OPEN, now: (): number => 9_700 };
    const [lane] = journalCalls(pool, numbers, new MemoryJournal(), bounds).lanes(1);
    await lane?.run(read, 5_000, NEVER);
    expect(given).toEqual([300]);
  });
});
