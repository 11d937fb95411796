/**
 * What an earlier life of a run of calls left behind, read before the next one begins.
 *
 * A call whose end is known ends with it at once, whatever else happens to the run: a cancel, a deadline or a rival branch
 * in the new life may keep a call from being made, but never make one that was finished, or a write that may have
 * happened, look as if it had not been.
 */

import type { CallJournal } from "../../contract/run-log.ts";
import type { CallOutcome } from "../../contract/run.ts";
import type { PlannedCall } from "../ports.ts";
import { knownOutcome } from "./journal-calls.ts";
import type { CallNumbers } from "./number-calls.ts";

/** The known ends of `calls`, by id. Reads of the log only; rejects when it cannot be read. */
export async function recallCalls(
  calls: readonly PlannedCall[],
  numbers: CallNumbers,
  journal: CallJournal,
): Promise<ReadonlyMap<string, CallOutcome>> {
  const known = new Map<string, CallOutcome>();
  for (const call of calls) {
    const outcome = knownOutcome(await journal.find(await numbers.keyOf(call)), call);
    if (outcome !== null) known.set(call.id, outcome);
  }
  return known;
}
