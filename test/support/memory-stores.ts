/** What a chat run keeps, in memory. */

import type { HiddenTurn, KeptResults, TurnStore } from "../../src/orchestration/ports.ts";

/** Hidden turns in memory. */
export class MemoryTurns implements TurnStore {
  readonly turns = new Map<string, HiddenTurn>();
  /** Never resolves, as a store that is down would. */
  hangs = false;

  async save(turnId: string, turn: HiddenTurn): Promise<void> {
    if (this.hangs) await new Promise(() => undefined);
    // Through JSON, as a real store would keep it.
    this.turns.set(turnId, structuredClone(turn));
  }

  async load(turnId: string): Promise<HiddenTurn | null> {
    if (this.hangs) await new Promise(() => undefined);
    return this.turns.get(turnId) ?? null;
  }
}

/** Kept results in memory. */
export class MemoryResults implements KeptResults {
  readonly values = new Map<string, string>();
  maxTokensPerTurn = 8_000;
  /** Nothing can be kept, as when the store is down. */
  isDown = false;

  async keep(handle: string, json: string): Promise<boolean> {
    if (!this.isDown) this.values.set(handle, json);
    return !this.isDown;
  }

  async read(handle: string): Promise<string | null> {
    return this.values.get(handle) ?? null;
  }
}
