/**
 * Limiter: a port that decides when a call may leave. It stands right before the call is made, below everything that may
 * answer without making it, so what it counts is what the tools really see.
 *
 * Waiting for it counts as the call's own time and ends with it, or with the run. Whatever it let in is let out again,
 * also when the caller was gone by then. A limiter that throws lets nothing in: limits fail closed.
 */

import type { CallOutcome, CallStatus } from "../contract/run.ts";
import type { Effect } from "../contract/tool.ts";
import { decorateLanes } from "../orchestration/journal/decorate-lanes.ts";
import type { Clock, LanePool, PlannedCall } from "../orchestration/ports.ts";
import { createStop } from "../orchestration/stop.ts";
import { classifyFailure, refused } from "../tools/call-outcome.ts";
import { platformSignal } from "../platform/abort.ts";

/** A call as a limiter sees it. */
export interface LimitedCall {
  readonly id: string;
  readonly tool: string;
  readonly effect: Effect;
  readonly tags: readonly string[];
  readonly group: string | null;
  /** Host an HTTP tool goes to, or null. */
  readonly host: string | null;
}

/** How a call that was let in has ended. */
export interface LimitedEnd {
  readonly status: CallStatus;
  /** From the moment it was let in, in milliseconds. */
  readonly durationMs: number;
}

/** Let in: call `leave` is called once when the call has ended. Or refused, and when to ask again. */
export type Admission =
  | { readonly leave: (end: LimitedEnd) => void }
  | { readonly retryAfterMs: number };

/** The port. */
export interface Limiter {
  /** Resolves when the call may be made or is refused. Stop waiting when `signal` aborts: nobody wants the answer then. */
  enter(call: LimitedCall, signal: AbortSignal): Promise<Admission>;
}

/** Lanes whose calls pass `limiter` first. `onFault` is told what it threw. */
export function limitedLanes(
  pool: LanePool,
  limiter: Limiter,
  clock: Clock,
  onFault: (fault: unknown) => void,
): LanePool {
  return decorateLanes(pool, {
    async run(lane, call, timeoutMs, signal) {
      const askedAtMs = clock.now();
      const admitted = await enter(limiter, call, { clock, timeoutMs, signal, onFault });
      if (!("leave" in admitted)) return admitted.outcome;
      const startedAtMs = clock.now();
      const leftMs = Math.max(0, timeoutMs - (startedAtMs - askedAtMs));
      let status: CallStatus = "failed";
      try {
        const outcome = await lane.run(call, leftMs, signal);
        ({ status } = outcome);
        return outcome;
      } finally {
        leave(admitted, { status, durationMs: clock.now() - startedAtMs }, onFault);
      }
    },
  });
}

interface Waiting {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onFault: (fault: unknown) => void;
}

type Entered = Extract<Admission, { leave: unknown }>;

async function enter(
  limiter: Limiter,
  call: PlannedCall,
  { clock, timeoutMs, signal, onFault }: Waiting,
): Promise<Entered | { readonly outcome: CallOutcome }> {
  const stop = createStop(clock, clock.now() + timeoutMs, signal);
  const asked = ask(limiter, call, stop.signal);
  try {
    const entered = await stop.race(asked);
    if (!entered.ok) {
      // Whoever comes too late is let out at once.
      void asked.then(
        (late) => "leave" in late && leave(late, { status: "cancelled", durationMs: 0 }, onFault),
        onFault,
      );
      return { outcome: notMade(call, entered.error === "deadline" ? "timeout" : "aborted") };
    }
    return "leave" in entered.value ? entered.value : { outcome: tooMany(entered.value) };
  } catch (fault) {
    onFault(fault);
    const message = "The limiter of this run failed, so the call was not made.";
    return { outcome: refused({ code: "internal", message }) };
  } finally {
    stop.release();
  }
}

/** In a function of its own, so that one that throws at once is a rejection like any other. */
async function ask(
  limiter: Limiter,
  { id, tool, effect, tags = [], group, host }: PlannedCall,
  signal: AbortSignal,
): Promise<Admission> {
  const limited = { id, tool, effect, tags, group: group ?? null, host: host ?? null };
  return limiter.enter(limited, platformSignal(signal));
}

function leave(entered: Entered, end: LimitedEnd, onFault: (fault: unknown) => void): void {
  try {
    entered.leave(end);
  } catch (fault) {
    onFault(fault);
  }
}

/** It was never sent, so a write has not happened either. */
function notMade(call: PlannedCall, kind: "timeout" | "aborted"): CallOutcome {
  return { ...classifyFailure({ ...call, effect: "read" }, { kind, sent: true }), ...UNSENT };
}

const UNSENT = { cache: "bypass", attempts: 0 } as const;

function tooMany({ retryAfterMs }: { readonly retryAfterMs: number }): CallOutcome {
  const message = "The limiter of this run refused the call.";
  const error = { code: "rate_limited", message, retry_after_ms: retryAfterMs } as const;
  return { status: "rate_limited", error, ...UNSENT };
}
