/**
 * Hidden turns in the tenant's own storage: the gateway's half of a mixed turn, sealed, in a `RunJournal` object whose
 * name carries the tenant, so that another tenant's turn id finds nothing.
 */

import { objectStub } from "../regions/jurisdiction.ts";
import type { HiddenTurn, TurnStore } from "../orchestration/ports.ts";
import type { RunContext } from "./run-context.ts";
import { tenantBox } from "./tenant-box.ts";

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
      await stubOf(turnId).saveTurn(await box.seal(`turn/${turnId}`, JSON.stringify(turn)));
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
