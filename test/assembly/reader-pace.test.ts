import { describe, expect, it } from "vitest";

import { lengthOf, MAX_UNREAD_LENGTH, readerPace } from "../../src/assembly/reader-pace.ts";
import type { CallOutcome, RunEvent } from "../../src/contract/run.ts";
import type { Lane } from "../../src/orchestration/ports.ts";
import { plannedCall } from "../support/fake-lanes.ts";

const LONG: CallOutcome = {
  status: "succeeded",
  outputJson: "x".repeat(MAX_UNREAD_LENGTH),
  cache: "bypass",
  attempts: 1,
};

function endOf(id: string): RunEvent {
  const times = { queuedMs: 0, startedMs: 0, durationMs: 0 };
  return { type: "call.completed", result: { ...LONG, id, tool: "t", ...times } };
}

/** Lanes that answer at once with `LONG`, and a reader that takes an event when it is told. */
function scene() {
  const sent: string[] = [];
  const taken: (() => void)[] = [];
  const lane: Lane = {
    slots: 5,
    run: async (call) => {
      sent.push(call.id);
      return LONG;
    },
  };
  const emit = () => new Promise<void>((resolve) => taken.push(resolve));
  const pool = { lanes: () => [lane], close: () => undefined };
  const pace = readerPace(pool, emit);
  const run = (id: string, signal = new AbortController().signal) =>
    pace.lanes.lanes(1)[0]?.run(plannedCall(id), 1_000, signal);
  return { sent, taken, pace, run };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("readerPace", () => {
  it("sends no further call while outputs wait to be read, and goes on when they are", async () => {
    const { sent, taken, pace, run } = scene();
    await Promise.all([run("a"), run("b")]);
    const told = [pace.emit(endOf("a")), pace.emit(endOf("b"))];
    const third = run("c");
    await soon();
    expect(sent).toEqual(["a", "b"]);
    taken[0]?.();
    await soon();
    expect(sent).toEqual(["a", "b", "c"]);
    expect(await third).toBe(LONG);
    taken[1]?.();
    await Promise.all(told);
  });

  it("lets a waiting call go when it is aborted, and does not count what was left behind", async () => {
    const { sent, run } = scene();
    await Promise.all([run("a"), run("b")]);
    const gone = new AbortController();
    const third = run("c", gone.signal);
    await soon();
    gone.abort();
    await third;
    expect(sent).toEqual(["a", "b", "c"]);
    const late = scene();
    await Promise.all([late.run("a", AbortSignal.abort()), late.run("b", AbortSignal.abort())]);
    await late.run("c");
    expect(late.sent).toEqual(["a", "b", "c"]);
  });
});

describe("lengthOf", () => {
  it("is the length of the output an event carries, in either kind of run", () => {
    expect(lengthOf(endOf("a"))).toBe(MAX_UNREAD_LENGTH);
    const ended = { type: "gateway_call_ended", outputJson: "[1]" };
    expect(lengthOf(ended)).toBe(3);
    expect(lengthOf({ type: "call.queued" })).toBe(0);
  });
});
