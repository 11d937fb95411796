/**
 * An adaptive limit of calls in flight, from how long they take and how many are refused.
 *
 * new = 0.8 L + 0.2 (L × gradient + √L), gradient = clamp(1.3 × base / short, 0.5, 1): `short` is the mean time of one window of
 * calls, `base` what calls take when their target is not crowded. While calls take about as long as they should the limit
 * grows by the queue √L it allows; when they get slower it shrinks. Calls that were refused or not answered in time multiply it
 * by 0.9. It does not grow while less than half of it is used. Source: Netflix concurrency-limits, `Gradient2Limit` (there at
 * least 20, far too many for one isolate of many: here 1).
 *
 * Gradient2's base follows the mean, so a lasting overload becomes the new normal and the queue is let grow. Here it follows
 * slowly, while the limit holds calls back only downwards, and besides by experiment: when the limit was halved, or
 * has grown by half, and calls are as slow as before, their number is not the reason, and what they take is the new base.
 */

/** The limit between two windows. Plain data. */
export interface ConcurrencyState {
  /** Calls in flight allowed; its whole part counts. */
  readonly limit: number;
  /** What calls take when all is well, ms; null before the first window. */
  readonly baseMs: number | null;
  /** Over how long that was measured, ms. */
  readonly measuredMs: number;
  /** How things were when calls became slow; null while they are not. */
  readonly before: {
    readonly limit: number;
    readonly shortMs: number;
    /** How long they have been slow. */
    readonly lastedMs: number;
  } | null;
}

/** What happened in one window. */
export interface LimitWindow {
  /** Calls that ended, those refused included; above 0. */
  readonly calls: number;
  /** Mean time of those that were answered, ms; null when none were. */
  readonly shortMs: number | null;
  /** Calls that were refused for overload or not answered in time. */
  readonly dropped: number;
  /** Most calls in flight at once. */
  readonly peak: number;
  /** How long it lasted. */
  readonly lastedMs: number;
}

/** No limit is below this. */
export const MIN_LIMIT = 1;

const SMOOTHING = 0.2;
const TOLERANCE = 1.3;
const LEAST_GRADIENT = 0.5;
/** The queue a limit allows at least, or a small one would take minutes to grow. */
const LEAST_QUEUE = 2.5;
const DROP_FACTOR = 0.9;
/** Share of drops in a window above which it counts as overload. */
const NOTICED_DROPS = 0.05;
/** Time over which the base is a mean. What is far above it counts as half above it: a queue is no new base. */
const BASE_MS = 60_000;
const MOST_RISE = 0.5;
/** Times are alike when the smaller is at least this share of the other. */
const AS_SLOW = 0.8;
/** So many times the base are not what a limit that is a little too high makes of it. */
const MUCH_SLOWER = 2.5;
/** Time an experiment takes, and how much more calls are enough for one. */
const EXPERIMENT_MS = 5_000;
const MORE = 1.5;

/**
 * The limit to begin with when a target is found to be overloaded: what it would hold if it answered as often as in `window` and
 * took `base` (Little's law), twice that for room to look for more; at most what was in flight.
 */
export function firstLimit(baseMs: number | null, answered: number, window: LimitWindow): number {
  const held = (answered / Math.max(1, window.lastedMs)) * (baseMs ?? window.shortMs ?? 0);
  return Math.max(MIN_LIMIT, Math.min(window.peak, 2 * held));
}

/** The limit after a window; never below `MIN_LIMIT` or above `most`. */
export function nextLimit(
  state: ConcurrencyState,
  window: LimitWindow,
  most: number,
): ConcurrencyState {
  const { shortMs, dropped, calls, peak, lastedMs } = window;
  const bounded = (limit: number): number => Math.min(most, Math.max(MIN_LIMIT, limit));
  if (dropped > calls * NOTICED_DROPS)
    return { ...state, limit: bounded(state.limit * DROP_FACTOR), before: null };
  if (shortMs === null) return state;
  const baseMs = nextBase(state, window, shortMs);
  const base = { baseMs, measuredMs: Math.min(BASE_MS, state.measuredMs + lastedMs) };
  const isSlow = shortMs > TOLERANCE * baseMs;
  const since = state.before ?? { limit: state.limit, shortMs, lastedMs: 0 };
  const before = isSlow ? { ...since, lastedMs: since.lastedMs + lastedMs } : null;
  if (before !== null && before.lastedMs >= EXPERIMENT_MS && shortMs > MUCH_SLOWER * baseMs) {
    const isAsSlow = shortMs >= AS_SLOW * before.shortMs && before.shortMs >= AS_SLOW * shortMs;
    const isLess = state.limit <= Math.max(MIN_LIMIT, before.limit / 2);
    const isMore = state.limit >= MORE * before.limit;
    if (isAsSlow && (isLess || isMore)) {
      const limit = Math.max(state.limit, before.limit);
      return { ...base, limit: bounded(limit), baseMs: shortMs, before: null };
    }
    // What waited at the target is still being worked off, or their number does matter.
    if (!isAsSlow || isLess || isMore)
      return { ...base, limit: state.limit, before: { limit: state.limit, shortMs, lastedMs: 0 } };
  }
  const gradient = Math.min(1, Math.max(LEAST_GRADIENT, (TOLERANCE * baseMs) / shortMs));
  const wanted = state.limit * gradient + Math.max(LEAST_QUEUE, Math.sqrt(state.limit));
  const limit = state.limit * (1 - SMOOTHING) + wanted * SMOOTHING;
  const isUnused = peak < state.limit / 2 && limit > state.limit;
  return { ...base, limit: bounded(isUnused ? state.limit : limit), before };
}

/** A mean over all there is at first, over `BASE_MS` later. */
function nextBase(state: ConcurrencyState, window: LimitWindow, shortMs: number): number {
  const { baseMs, limit, measuredMs } = state;
  if (baseMs === null) return shortMs;
  const { peak, lastedMs } = window;
  const gap = Math.min(shortMs - baseMs, baseMs * MOST_RISE);
  if (gap > 0 && peak >= Math.floor(limit)) return baseMs;
  return baseMs + gap * (lastedMs / (lastedMs + Math.min(BASE_MS, measuredMs)));
}
