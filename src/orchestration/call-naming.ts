/**
 * Ids of the calls of one run: the model's, made unique where it repeats itself, and those the client sees of its own.
 */

import type { CallOwner } from "./chat-request.ts";
import type { CallNaming } from "./chat-turn.ts";
import { clientCallId } from "./hidden-turn.ts";

/** What naming calls needs; `usedIds` is the run's and grows. */
export interface NamingScope {
  readonly usedIds: Set<string>;
  newId(prefix: string): string;
  ownerOf(name: string): CallOwner;
}

/** Names the calls of one turn. Without a turn id no call can be the gateway's, and the model's ids pass through. */
export function callNaming(turnId: string | null, scope: NamingScope): CallNaming {
  return {
    modelId: (id) => {
      if (turnId === null) return id;
      const unique = id === "" || scope.usedIds.has(id) ? scope.newId("call") : id;
      scope.usedIds.add(unique);
      return unique;
    },
    clientId: (name, modelId, n) => {
      if (turnId === null) return modelId;
      return scope.ownerOf(name) === "client" ? clientCallId(turnId, n) : null;
    },
  };
}
