/**
 * Hidden turns in the tenant's own storage: the gateway's half of a mixed turn, sealed, in a `RunJournal` object whose
 * name carries the tenant, so that another tenant's turn id finds nothing.
 */

import { objectStub } from "../regions/jurisdiction.ts";
import type { HiddenTurn, TurnStore } from "../orchestration/ports.ts";
import type { RunContext } from "./run-context.ts";
import { tenantBox } from "./tenant-box.ts";

/** How long the gateway's results of a mixed turn wait for the client's half. */
const RESULTS_TTL_MS = 24 * 60 * 60 * 1000;

/** A turn of the client's calls alone holds nothing but ids; conversations come back to it for longer. */
const IDS_TTL_MS = 30 * RESULTS_TTL_MS;

/** Hidden turns of one tenant. Rejects only on platform faults. */
export function turnStore(
  env: Pick<Env, "ROLE" | "RUN_JOURNAL" | "MASTER_KEYS">,
  context: Pick<RunContext, "snapshot">,
): TurnStore {
  const { snapshot } = context;
  const stubOf = (turnId: string) =>
    objectStub(env, env.RUN_JOURNAL, snapshot.residency, `${snapshot.tenantId}/turn/${turnId}`);
  return {
    async save(turnId, turn) {
      const box = await tenantBox(env, snapshot);
      const holdsResults =
        turn.earlier !== undefined || turn.calls.some(({ clientId }) => clientId === null);
      await stubOf(turnId).saveTurn(
        await box.seal(`turn/${turnId}`, JSON.stringify(turn)),
        holdsResults ? RESULTS_TTL_MS : IDS_TTL_MS,
      );
    },
    async load(turnId) {
      const sealed = await stubOf(turnId).loadTurn();
      if (sealed === null) return null;
      const box = await tenantBox(env, snapshot);
      const text = await box.open(`turn/${turnId}`, sealed);
      if (text === null) return null;
      // Sealed by `save` above under this very name: what opens is a HiddenTurn.
      const turn: HiddenTurn = JSON.parse(text);
      return turn;
    },
  };
}
