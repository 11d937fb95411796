/** A turn's calls by themselves, over lanes that a test drives: what is said when, and when a turn is really over. */

import { describe, expect, it } from "vitest";

import {
  TurnCalls,
  type TurnCallPorts,
} from "../../../src/orchestration/early-start/turn-calls.ts";
import { STOP_GRACE_MS } from "../../../src/orchestration/schedule/outcomes.ts";
import type { CallEvent } from "../../../src/orchestration/schedule/scheduler.ts";
import { NO_COST } from "../../../src/orchestration/speculation/second-opinion.ts";
import { FakeClock } from "../../../src/library/testing/fake-clock.ts";
import { type CallScript, FakeLanes, plannedCall, succeeded } from "../../support/fake-lanes.ts";

function turnOf(script: CallScript, ports: Partial<TurnCallPorts> = {}) {
  const clock = new FakeClock();
  const lanes = new FakeLanes(clock, () => script);
  const startedAtMs = clock.now();
  const turn = new TurnCalls(
    8,
    { mode: "parallel", maxParallel: 8, startedAtMs, deadlineAtMs: startedAtMs + 60_000 },
    { clock, lanes, plan: (id) => plannedCall(id, { arguments: { id } }), ...ports },
    new AbortController().signal,
  );
  const write = (id: string) => {
    turn.opened(id, "tool");
    turn.wrote(id, "{}");
  };
  return { clock, lanes, turn, write };
}

/** Notes when `promise` has resolved. */
function watch(promise: Promise<unknown>) {
  const watched = { isOver: false };
  void promise.then(() => (watched.isOver = true));
  return watched;
}

describe("a turn's calls", () => {
  it("say one thing at a time, what was held back and what comes meanwhile", async () => {
    const { clock, turn, write } = turnOf({ durationMs: 100, outcome: succeeded() });
    for (const id of ["a", "b", "c"]) write(id);
    await clock.advance(50);
    const said: string[] = [];
    const open = { now: 0, most: 0 };
    const never = new AbortController().signal;
    const onEvent = async (event: CallEvent) => {
      open.now += 1;
      open.most = Math.max(open.most, open.now);
      await clock.sleep(said.length === 0 ? 90 : 1, never);
      said.push(`${event.type} ${"result" in event ? event.result.id : event.id}`);
      open.now -= 1;
    };
    turn.finished();
    const planned = ["a", "b", "c"].map((id) => plannedCall(id, { arguments: { id } }));
    const { results } = await clock.runUntil(turn.execute(planned, onEvent));
    expect(results).toHaveLength(3);
    expect(open.most).toBe(1);
    for (const type of ["call.queued", "call.started", "call.completed"])
      expect(said.filter((each) => each.startsWith(type))).toEqual(
        ["a", "b", "c"].map((id) => `${type} ${id}`),
      );
    expect(said).toHaveLength(9);
    await turn.close();
  });

  it("are closed only when nothing of them is open, as often as it is asked", async () => {
    const { clock, lanes, turn, write } = turnOf({
      durationMs: 100,
      outcome: succeeded(),
      onAbort: { afterMs: STOP_GRACE_MS - 1, outcome: succeeded() },
    });
    write("a");
    await clock.advance(10);
    expect(lanes.inFlight).toBe(1);
    const closes = [watch(turn.close()), watch(turn.close())];
    await clock.settle();
    expect(lanes.aborted).toEqual(["a"]);
    expect(closes.map(({ isOver }) => isOver)).toEqual([false, false]);
    await clock.advance(STOP_GRACE_MS);
    expect(closes.map(({ isOver }) => isOver)).toEqual([true, true]);
    expect([lanes.inFlight, clock.pending]).toEqual([0, 0]);
  });

  it("are closed only when whoever guesses for them has stopped", async () => {
    const stopped = Promise.withResolvers<void>();
    const guessing = { cost: NO_COST, stop: () => stopped.promise };
    const { clock, turn } = turnOf({ durationMs: 100, outcome: succeeded() }, { guessing });
    const close = watch(turn.close());
    await clock.settle();
    expect(close.isOver).toBe(false);
    stopped.resolve();
    await clock.settle();
    expect(close.isOver).toBe(true);
  });

  it("that were started and are not made have been taken back when the turn says that it makes none", async () => {
    const { clock, lanes, turn, write } = turnOf({ durationMs: 100, outcome: succeeded() });
    write("a");
    await clock.advance(10);
    const executed = await clock.runUntil(turn.execute([], async () => undefined));
    expect(executed.results).toEqual([]);
    expect([lanes.aborted, lanes.inFlight]).toEqual([["a"], 0]);
    expect(turn.count).toMatchObject({ starts: 1, takenBack: 1 });
    await turn.close();
  });

  it("use no lane when there are none", async () => {
    const { lanes, turn } = turnOf({ durationMs: 100, outcome: succeeded() });
    const executed = await turn.execute([], async () => undefined);
    expect(executed).toEqual({ results: [], lanesUsed: 0 });
    expect(lanes.asked).toEqual([]);
    await turn.close();
  });
});
