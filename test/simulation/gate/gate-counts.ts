/** What happened in simulated worlds of limits: proof that every fault and every state was reached. */

/** Times each thing happened. */
export type GateCounts = Record<keyof typeof NOTHING, number>;

const NOTHING = {
  events: 0,
  "questions lost": 0,
  "answers lost": 0,
  "questions repeated": 0,
  "messages late": 0,
  "messages in an outage": 0,
  "isolates that died": 0,
  "isolates that died with a lease": 0,
  "restarts of the gate": 0,
  "restarts while leases were out": 0,
  "clocks that are off": 0,
  "jumps of a clock": 0,
  "passed on a lease": 0,
  "passed by the gate": 0,
  "passed on credit": 0,
  "refused by an isolate": 0,
  "refused by the gate": 0,
  "rate limits met": 0,
  "concurrency limits met": 0,
  "as many runs as may": 0,
  "leases of tokens": 0,
  "leases denied": 0,
  "leases that ended": 0,
  "limits too small to lend": 0,
  "leases of permits": 0,
  "permits given back": 0,
  "questions while the gate learns": 0,
  "questions that came too late": 0,
  "credit told to the gate": 0,
};

/** Nothing has happened. */
export function newGateCounts(): GateCounts {
  return { ...NOTHING };
}

/** Adds `more` to `counts`. */
export function addCounts<Name extends string>(
  counts: Record<Name, number>,
  more: Readonly<Record<Name, number>>,
): void {
  for (const name of namesOf(counts)) counts[name] += more[name];
}

/** What never happened. */
export function neverHappened(counts: Readonly<Record<string, number>>): readonly string[] {
  return Object.keys(counts).filter((name) => counts[name] === 0);
}

function namesOf<Name extends string>(counts: Readonly<Record<Name, number>>): readonly Name[] {
  const names: Name[] = [];
  for (const name in counts) names.push(name);
  return names;
}
