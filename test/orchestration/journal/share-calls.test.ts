import { describe, expect, it } from "vitest";

import type { CallOutcome } from "../../../src/contract/run.ts";
import { MAX_KEPT_CHARACTERS, shareCalls } from "../../../src/orchestration/journal/share-calls.ts";
import type { Lane, LanePool, PlannedCall } from "../../../src/orchestration/ports.ts";
import { FAILED, plannedCall, succeeded } from "../../support/fake-lanes.ts";

const NEVER = new AbortController().signal;
const ABORTED: CallOutcome = { ...FAILED, status: "cancelled" };

/** A lane whose calls end when the test says so. */
function openLane() {
  const sent: { call: PlannedCall; end: (outcome: CallOutcome) => void; signal: AbortSignal }[] =
    [];
  const pool: LanePool = {
    lanes: () => [
      {
        slots: 5,
        run: (call, _, signal) =>
          new Promise((end) => {
            sent.push({ call, end, signal });
            signal.addEventListener("abort", () => end(ABORTED));
          }),
      },
    ],
    close: () => undefined,
  };
  const shared = shareCalls(pool);
  const [lane] = shared.lanes(1);
  if (lane === undefined) throw new Error("no lane");
  return { sent, shared, lane };
}

function start(lane: Lane, call: PlannedCall, signal: AbortSignal = NEVER) {
  return lane.run(call, 1_000, signal);
}

describe("shareCalls", () => {
  it("sends identical reads once and gives all the same outcome, counting one request", async () => {
    const { lane, sent } = openLane();
    const calls = ["a", "b", "c"].map((id) =>
      start(lane, plannedCall(id, { arguments: { x: 1 } })),
    );
    sent[0]?.end(succeeded("same"));
    const outcomes = await Promise.all(calls);
    expect(sent).toHaveLength(1);
    expect(outcomes.map(({ outputJson }) => outputJson)).toEqual(['"same"', '"same"', '"same"']);
    expect(outcomes.map(({ attempts }) => attempts)).toEqual([1, 0, 0]);
  });

  it("shares also what has ended already, failures too, until the next turn", async () => {
    const { lane, sent, shared } = openLane();
    const first = start(lane, plannedCall("a"));
    sent[0]?.end(FAILED);
    await first;
    expect(await start(lane, plannedCall("b"))).toMatchObject({ status: "failed", attempts: 0 });
    shared.beginTurn?.();
    void start(lane, plannedCall("c"));
    expect(sent).toHaveLength(2);
  });

  it.each(["write", "idempotent_write"] as const)("never shares a %s", (effect) => {
    const { lane, sent } = openLane();
    for (const id of ["a", "b"]) void start(lane, plannedCall(id, { effect }));
    expect(sent).toHaveLength(2);
  });

  it("tells calls with other arguments or another tool apart", () => {
    const { lane, sent } = openLane();
    void start(lane, plannedCall("a", { arguments: { x: 1 } }));
    void start(lane, plannedCall("b", { arguments: { x: 2 } }));
    void start(lane, plannedCall("c", { arguments: { x: 1 }, tool: "other" }));
    expect(sent).toHaveLength(3);
  });

  it("cancels the request only when the last who waits has left", async () => {
    const { lane, sent } = openLane();
    const [one, two] = [new AbortController(), new AbortController()];
    const first = start(lane, plannedCall("a"), one.signal);
    const second = start(lane, plannedCall("b"), two.signal);
    one.abort();
    expect(await first).toMatchObject({ status: "cancelled" });
    expect(sent[0]?.signal.aborted).toBe(false);
    two.abort();
    expect(await second).toMatchObject({ status: "cancelled" });
    expect(sent[0]?.signal.aborted).toBe(true);
    void start(lane, plannedCall("c"));
    expect(sent).toHaveLength(2);
  });

  it("goes on sharing what has ended when the signal of a call that had it is aborted later", async () => {
    const { lane, sent } = openLane();
    const over = new AbortController();
    const first = start(lane, plannedCall("a"), over.signal);
    sent[0]?.end(succeeded());
    await first;
    over.abort();
    expect(await start(lane, plannedCall("b"))).toMatchObject({ status: "succeeded" });
    expect(sent).toHaveLength(1);
    expect(sent[0]?.signal.aborted).toBe(false);
  });

  it("keeps ended results up to its bound anew in every turn", async () => {
    const { lane, sent, shared } = openLane();
    for (const turn of [1, 2]) {
      shared.beginTurn?.();
      const first = start(lane, plannedCall("a"));
      sent.at(-1)?.end({ ...succeeded(), outputJson: "x".repeat(MAX_KEPT_CHARACTERS) });
      await first;
      await Promise.resolve();
      void start(lane, plannedCall("b"));
      expect(sent).toHaveLength(turn);
    }
  });

  it("keeps ended results up to its bound, not one character more", async () => {
    for (const [length, sentAgain] of [
      [MAX_KEPT_CHARACTERS, 1],
      [MAX_KEPT_CHARACTERS + 1, 2],
    ] as const) {
      const { lane, sent } = openLane();
      const first = start(lane, plannedCall("a"));
      sent[0]?.end({ ...succeeded(), outputJson: "x".repeat(length) });
      await first;
      await Promise.resolve();
      void start(lane, plannedCall("b"));
      expect(sent).toHaveLength(sentAgain);
    }
  });
});
