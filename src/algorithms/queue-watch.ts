/**
 * Queue watch: whether calls wait at their target, by the quickest of them.
 *
 * Where calls take unequal times the mean says little, but behind a queue even the quickest waits. When the quickest of every
 * window of calls took `SLOWER` times what calls usually take, for `QUEUED_MS`, there is one, and fewer calls should be let
 * through. If they take about as long a while later although they are fewer, it is not their queue: the target has become slower
 * itself, or others crowd it. That the quickest call tells the queue from the work is the idea of CoDel's minimum over an
 * interval (K. Nichols, V. Jacobson, "Controlling queue delay", ACM Queue 10 (5), 2012).
 */

/** So many times the usual time, even the quickest call waits. */
const SLOWER = 2.5;

/** A queue that is there for so long will not go by itself. */
const QUEUED_MS = 2_000;

/** Fewer in flight are no queue of ours: half of them would be too few to find out whether it is one. */
const QUEUED_CALLS = 10;

/** What was sent before is answered first: so many times what calls take fewer of them are waited for, and as long looked at. */
const TRIAL_TIMES = 4;
/** At least. */
const TRIAL_MS = 2_500;

/** Calls are as slow as before when they take at least this share of the time. */
const AS_SLOW = 0.8;

/** One window of calls that were answered. */
export interface WatchedWindow {
  /** Time of the quickest, and the mean of all, ms. */
  readonly quickestMs: number;
  readonly meanMs: number;
  /** What calls usually take, ms; null when that is not known. */
  readonly baseMs: number | null;
  /** Most calls in flight at once. */
  readonly peak: number;
  /** Whether a limit holds calls back already. */
  readonly isLimited: boolean;
  readonly startedAtMs: number;
}

/** `queue`: fewer calls should be let through. `slower`: that did not help. Null: nothing to do. */
export type QueueWord = "queue" | "slower" | null;

/** Windows in a row: since when, and the sum of their means. */
interface Row {
  readonly sinceMs: number;
  windows: number;
  totalMs: number;
}

/** The calls to one target. */
export class QueueWatch {
  /** The windows since when even the quickest are slow; null while they are not. */
  #slow: Row | null = null;
  /** The part of a trial that is looked at, how long it lasts, and what calls took before it; null without one. */
  #trial: (Row & { readonly lastsMs: number; readonly beforeMs: number }) | null = null;

  /** Looks at a window that ends at `nowMs`. */
  see(window: WatchedWindow, nowMs: number): QueueWord {
    const { quickestMs, meanMs, baseMs, peak, isLimited, startedAtMs } = window;
    if (!isLimited) this.#trial = null;
    if (this.#trial !== null) {
      const { sinceMs, lastsMs, beforeMs } = this.#trial;
      if (startedAtMs >= sinceMs) add(this.#trial, meanMs);
      const { totalMs, windows } = this.#trial;
      if (nowMs < sinceMs + lastsMs || windows === 0) return null;
      this.#trial = null;
      return totalMs >= AS_SLOW * beforeMs * windows ? "slower" : null;
    }
    if (isLimited || peak < QUEUED_CALLS || quickestMs <= SLOWER * (baseMs ?? Infinity)) {
      this.#slow = null;
      return null;
    }
    this.#slow ??= { sinceMs: startedAtMs, windows: 0, totalMs: 0 };
    const { sinceMs } = add(this.#slow, meanMs);
    if (nowMs - sinceMs < QUEUED_MS) return null;
    const beforeMs = this.#slow.totalMs / this.#slow.windows;
    this.#slow = null;
    const lastsMs = Math.max(TRIAL_MS, TRIAL_TIMES * meanMs);
    this.#trial = { sinceMs: nowMs + lastsMs, lastsMs, windows: 0, totalMs: 0, beforeMs };
    return "queue";
  }
}

function add(row: Row, meanMs: number): Row {
  row.windows += 1;
  row.totalMs += meanMs;
  return row;
}
