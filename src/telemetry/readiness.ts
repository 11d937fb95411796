/**
 * Readiness with hysteresis: one slow probe takes no region out of service, and one lucky probe brings none back.
 *
 * A fresh isolate starts ready: isolates come and go all the time, and the first probe of one of them is no more
 * reliable than any other.
 */

/** Failed probes in a row after which a ready isolate calls itself unready. */
export const FAILURES_TO_UNREADY = 3;

/** Good probes in a row after which it calls itself ready again. */
export const SUCCESSES_TO_READY = 2;

/** Where an isolate stands; `streak` counts probes in a row that contradict `isReady`. */
export interface Readiness {
  readonly isReady: boolean;
  readonly streak: number;
}

/** How an isolate begins. */
export const INITIAL_READINESS: Readiness = { isReady: true, streak: 0 };

/** The state after one more probe. */
export function nextReadiness(state: Readiness, isHealthy: boolean): Readiness {
  if (isHealthy === state.isReady) return { isReady: state.isReady, streak: 0 };
  const streak = state.streak + 1;
  const needed = state.isReady ? FAILURES_TO_UNREADY : SUCCESSES_TO_READY;
  return streak < needed ? { isReady: state.isReady, streak } : { isReady: isHealthy, streak: 0 };
}
