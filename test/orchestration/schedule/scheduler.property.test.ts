/** The scheduler against list scheduling spelled out: the same starts at the same moments, the same ends. */

import {
  type Arbitrary,
  array,
  assert,
  asyncProperty,
  boolean,
  constantFrom,
  integer,
  nat,
  option,
  record,
} from "fast-check";
import { describe, expect, it } from "vitest";

import { OVERDUE_GRACE_MS, STOP_GRACE_MS } from "../../../src/orchestration/schedule/outcomes.ts";
import type { Scheduler } from "../../../src/orchestration/schedule/scheduler.ts";
import { type Scene, scene } from "../../support/execute-scene.ts";
import { FAILED, plannedCall, succeeded } from "../../support/fake-lanes.ts";
import {
  type SlowAction,
  type SlowCall,
  type SlowOutcome,
  type SlowRun,
  SlowScheduler,
} from "../../support/slow-scheduler.ts";

const TOOLS = ["x", "y", "z"] as const;
const TAGS = ["p", "q"] as const;
const BATCHES = 3;

interface CallDraft {
  readonly tool: (typeof TOOLS)[number];
  readonly tags: readonly (typeof TAGS)[number][];
  /** Of the calls before it; one beyond the last is a call nobody submits. */
  readonly needs: readonly number[];
  readonly batch: number;
  readonly branch: string | null;
  readonly priority: number;
  readonly duration: number;
  readonly timeout: number;
  readonly fails: boolean;
  readonly isWrite: boolean;
  readonly isDeaf: boolean;
}

interface RunDraft {
  readonly calls: readonly CallDraft[];
  readonly toolCaps: readonly (number | null)[];
  readonly tagCaps: readonly (number | null)[];
  readonly weights: readonly number[];
  readonly maxParallel: number;
  readonly deadline: number;
  readonly gaps: readonly number[];
  readonly cancels: readonly {
    readonly call: number;
    readonly branch: string | null;
    readonly at: number;
  }[];
  readonly resetAt: number | null;
}

const CALL: Arbitrary<CallDraft> = record({
  tool: constantFrom(...TOOLS),
  tags: array(constantFrom(...TAGS), { maxLength: 2 }),
  needs: array(nat({ max: 15 }), { maxLength: 3 }),
  batch: nat({ max: BATCHES - 1 }),
  branch: constantFrom(null, null, "b1", "b2"),
  priority: constantFrom(0, 0, 0, 1, -1),
  duration: constantFrom(1, 2, 3, 5, 8, 13, 300),
  timeout: constantFrom(4, 8, 20, 200),
  fails: constantFrom(false, false, false, true),
  isWrite: boolean(),
  isDeaf: constantFrom(false, false, true),
});

const CAP = option(integer({ min: 1, max: 3 }));

const RUN: Arbitrary<RunDraft> = record({
  calls: array(CALL, { minLength: 1, maxLength: 14 }),
  toolCaps: array(CAP, { minLength: 3, maxLength: 3 }),
  tagCaps: array(CAP, { minLength: 2, maxLength: 2 }),
  weights: array(integer({ min: 1, max: 90 }), { minLength: 3, maxLength: 3 }),
  maxParallel: integer({ min: 1, max: 6 }),
  deadline: integer({ min: 5, max: 1_500 }),
  gaps: array(nat({ max: 60 }), { minLength: BATCHES, maxLength: BATCHES }),
  cancels: array(
    record({
      call: nat({ max: 14 }),
      branch: constantFrom(null, "b1", "b2"),
      at: nat({ max: 120 }),
    }),
    { maxLength: 3 },
  ),
  resetAt: option(nat({ max: 120 })),
});

/** Ends of calls lie on multiples of this, so that nothing from outside ever falls on the same moment. */
const STEP_MS = 7;

function callOf(draft: RunDraft, index: number): SlowCall {
  const call = draft.calls[index];
  if (call === undefined) throw new Error("There is no such call.");
  const tool = TOOLS.indexOf(call.tool);
  const toolCap = draft.toolCaps[tool] ?? null;
  const tagCaps = [...new Set(call.tags)].flatMap((tag) => {
    const limit = draft.tagCaps[TAGS.indexOf(tag)] ?? null;
    return limit === null ? [] : [{ name: `tag ${tag}`, limit }];
  });
  const needs = call.needs.filter((need) => need < index || need === 15).map((need) => `c${need}`);
  return {
    id: `c${index}`,
    needs,
    caps: [...(toolCap === null ? [] : [{ name: call.tool, limit: toolCap }]), ...tagCaps],
    branch: call.branch,
    priority: call.priority,
    weightMs: draft.weights[tool] ?? 1,
    durationMs: call.duration * STEP_MS,
    timeoutMs: call.timeout * STEP_MS,
    fails: call.fails,
    isWrite: call.isWrite,
    isDeaf: call.isDeaf,
  };
}

/** Batches one after the other, and between them cancels and a reset, each at a moment of its own. */
function runOf(draft: RunDraft, startMs: number): SlowRun {
  let atMs = startMs;
  const actions: { atMs: number; action: SlowAction }[] = draft.gaps.map((gap, batch) => {
    atMs += gap + (batch === 0 ? 0 : 1 / 64);
    const calls = draft.calls.flatMap((call, index) =>
      call.batch === batch ? [callOf(draft, index)] : [],
    );
    return { atMs, action: { kind: "submit", calls } };
  });
  for (const [index, { call, branch, at }] of draft.cancels.entries()) {
    const target = branch === null ? { call: `c${call}` } : { branch };
    const moment = startMs + at + (index + 1) / 256;
    actions.push({ atMs: moment, action: { kind: "cancel", target } });
  }
  if (draft.resetAt !== null) {
    const moment = startMs + draft.resetAt + 1 / 1_024;
    actions.push({ atMs: moment, action: { kind: "reset", branch: "b1" } });
  }
  return {
    startMs,
    actions: actions.toSorted((a, b) => a.atMs - b.atMs),
    maxParallel: draft.maxParallel,
    deadlineAtMs: startMs + draft.deadline + 1 / 4_096,
    stopGraceMs: STOP_GRACE_MS,
    overdueGraceMs: OVERDUE_GRACE_MS,
  };
}

function act(scheduler: Scheduler, draft: RunDraft, action: SlowAction): void {
  if (action.kind === "reset") scheduler.reset(action.branch);
  else if (action.kind === "cancel") scheduler.cancel(action.target);
  else
    scheduler.submit(
      action.calls.map(({ id, needs, branch, priority, timeoutMs, isWrite }) => {
        const { tool = "x", tags = [] } = draft.calls[Number(id.slice(1))] ?? {};
        return plannedCall(id, {
          tool,
          tags,
          needs,
          priority,
          timeoutMs,
          maxParallel: draft.toolCaps[TOOLS.indexOf(tool)] ?? null,
          effect: isWrite ? "write" : "read",
          ...(branch !== null && { branch }),
        });
      }),
    );
}

function capsOf(draft: RunDraft) {
  const limits = TAGS.flatMap((tag, index) => {
    const limit = draft.tagCaps[index] ?? null;
    return limit === null ? [] : [[tag, limit] as const];
  });
  return { tags: Object.fromEntries(limits), hosts: {}, groups: {} };
}

/** Carries out the run with the real scheduler. */
async function execute(trial: Scene, draft: RunDraft, run: SlowRun): Promise<SlowOutcome> {
  const { clock } = trial;
  const never = new AbortController().signal;
  const scheduler = trial.open(
    {
      maxParallel: run.maxParallel,
      startedAtMs: run.startMs,
      deadlineAtMs: run.deadlineAtMs,
      caps: capsOf(draft),
    },
    { expectedMs: (tool) => draft.weights[TOOLS.findIndex((each) => each === tool)] ?? 1 },
  );
  const acting = run.actions.map(async ({ atMs, action }, index) => {
    await clock.sleep(atMs - clock.now(), never);
    act(scheduler, draft, action);
    if (index === run.actions.length - 1) scheduler.seal();
  });
  const { results } = await clock.runUntil(scheduler.finish());
  await clock.runUntil(Promise.all(acting));
  return {
    starts: trial.lanes.starts,
    results: results.map(({ id, status, startedMs, durationMs }) => ({
      id,
      status,
      startedMs: startedMs + run.startMs,
      durationMs,
    })),
  };
}

/** What has to be equal, with times rounded to what adding them in another order may change. */
function comparable({ starts, results }: SlowOutcome) {
  const round = (ms: number) => Math.round(ms * 1e6) / 1e6;
  return {
    starts: starts.map(({ id, atMs, timeoutMs }) => [id, round(atMs), round(timeoutMs)]),
    results: results.map(({ id, status, startedMs, durationMs }) => [
      id,
      status,
      round(startedMs),
      round(durationMs),
    ]),
  };
}

function newTrial(draft: RunDraft): Scene {
  return scene((call) => {
    const { durationMs, fails, isDeaf } = callOf(draft, Number(call.id.slice(1)));
    const outcome = fails ? FAILED : succeeded();
    return { durationMs, outcome, onAbort: isDeaf ? "ignore" : "report" };
  });
}

describe("the scheduler under any graph, caps, failures, cancels and deadline", () => {
  it(
    "starts and ends every call exactly when list scheduling does, and leaves nothing behind",
    { timeout: 120_000 },
    async () => {
      await assert(
        asyncProperty(RUN, async (draft) => {
          const trial = newTrial(draft);
          const run = runOf(draft, trial.clock.now());
          const actual = await execute(trial, draft, run);
          const expected = new SlowScheduler(run).outcome();
          expect(comparable(actual)).toEqual(comparable(expected));
          expect(new Set(actual.starts.map(({ id }) => id)).size).toBe(actual.starts.length);
          // What is left waits inside calls that ignore their signal, never inside the scheduler.
          expect(trial.clock.pending).toBe(trial.lanes.inFlight);
        }),
        { seed: 12, numRuns: 500 },
      );
    },
  );
});
