/** What happened in simulated worlds of breakers: proof that every fault and every transition was reached. */

/** Times each thing happened. */
export type BreakerCounts = Record<keyof typeof NOTHING, number>;

const NOTHING = {
  calls: 0,
  attempts: 0,
  "calls that succeeded": 0,
  "calls out of time": 0,
  "calls whose caller left": 0,
  "calls held back": 0,
  "answers with Retry-After": 0,
  "attempts that were repeats": 0,
  "repeats without budget": 0,
  hedges: 0,
  "breakers that opened": 0,
  "breakers held by Retry-After": 0,
  "breakers half-open": 0,
  "breakers open again after a probe": 0,
  "breakers closed by probes": 0,
  "breakers forced open": 0,
  "breakers forced closed": 0,
  "breakers let go": 0,
  "probes leased": 0,
  "probes refused": 0,
  "probes of an isolate alone": 0,
  "panics: a held target was asked": 0,
  "messages lost": 0,
  "messages late": 0,
  "words repeated": 0,
  "isolates that died": 0,
  "isolates that died in a call": 0,
  "restarts of the gate": 0,
  "restarts with a breaker open": 0,
  "jumps of a clock": 0,
};

/** Nothing has happened. */
export function newBreakerCounts(): BreakerCounts {
  return { ...NOTHING };
}
