/**
 * Hedge: a second request beside one that takes unusually long; whichever answers first wins.
 *
 * Only calls that may be repeated at any time are hedged, once, under the budget all repeated requests share. The loser is
 * aborted and says nothing of its target. A request that fails leaves the word to the other one. The hedge can be recalled
 * when its connection is needed: the call then goes on with its first request.
 */

import { Abort } from "../platform/abort.ts";
import type { Clock } from "../platform/clock.ts";
import type { Judged } from "./retry.ts";

/** How often a hedge that could not be had is asked for again, and after how long at least. */
const MOST_TRIES = 10;
const LEAST_WAIT_MS = 1_000;

/** Reason of the abort of a request whose rival has answered. */
export const LOST = new Error("The other request of the call has answered.");

/** Connections an invocation does not need for calls right now. */
export interface SpareConnections {
  /**
   * A connection for a hedge, or null when there is none. `recall` is called when a call needs the place: the hedge must stop
   * at once. The function returned gives the place back.
   */
  take(recall: () => void): (() => void) | null;
}

/** A hedge that may be sent. */
export interface Hedge<R> {
  readonly send: (signal: AbortSignal) => Promise<Judged<R>>;
  /** Aborts when its connection is needed. */
  readonly recalled: AbortSignal;
  readonly end: () => void;
}

/** When to hedge. */
export interface HedgeRules<R> {
  readonly clock: Clock;
  readonly afterMs: number;
  /** A hedge for a request that has taken so long, or null when there is no connection, budget or target for one. */
  readonly prepare: (waitedMs: number) => Promise<Hedge<R> | null>;
}

/** Sends `first` and, if it has not ended `afterMs` later, a hedge. The winner's end. */
export async function withHedge<R>(
  { clock, afterMs, prepare }: HedgeRules<R>,
  signal: AbortSignal,
  first: (signal: AbortSignal) => Promise<Judged<R>>,
): Promise<Judged<R>> {
  const lost = { first: new Abort().follow(signal), hedge: new Abort().follow(signal) };
  const waiting = new Abort().follow(signal);
  const own = first(lost.first.signal);
  // Whoever loses still settles some day; its end belongs to nobody.
  own.catch(() => {});
  const ended = own.then(
    () => true,
    () => true,
  );
  let hedge: Hedge<R> | null = null;
  for (let tries = 0, waitMs = afterMs, waitedMs = 0; hedge === null; tries += 1) {
    const slow = clock.sleep(waitMs, waiting.signal).then(() => false);
    const isEnded = await Promise.race([ended, slow]);
    if (isEnded || signal.aborted || tries === MOST_TRIES) break;
    waitedMs += waitMs;
    hedge = await prepare(waitedMs);
    // What there is none of now, there may be when the request hangs on.
    waitMs = Math.max(afterMs, LEAST_WAIT_MS);
  }
  waiting.abort();
  if (hedge === null) return own;
  try {
    const other = hedge.send(lost.hedge.follow(hedge.recalled).signal);
    other.catch(() => {});
    return await firstGood(own, other, hedge.recalled);
  } finally {
    lost.first.abort(LOST);
    lost.hedge.abort(LOST);
    hedge.end();
  }
}

/** The first of the two that has an answer; when neither has, the first request's end. */
async function firstGood<R>(
  own: Promise<Judged<R>>,
  other: Promise<Judged<R>>,
  recalled: AbortSignal,
): Promise<Judged<R>> {
  const { promise, resolve, reject } = Promise.withResolvers<Judged<R>>();
  let left = 2;
  const end = (judged: Judged<R>, isRecalled: boolean): void => {
    left -= 1;
    const isAnswer = judged.wasSent && (judged.verdict.class === "ok" || isFinal(judged));
    if (isAnswer && !isRecalled) resolve(judged);
    else if (left === 0) own.then(resolve, reject);
  };
  own.then((judged) => end(judged, false), reject);
  other.then((judged) => end(judged, recalled.aborted), reject);
  return promise;
}

/** An answer that another request would not change. */
function isFinal<R>({ verdict }: Judged<R>): boolean {
  return verdict.class === "ignored";
}
