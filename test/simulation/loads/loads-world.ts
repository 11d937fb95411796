/** Isolates that tell their tenant's gate how long targets take, as the gateway does: nothing but the exchange between them is simulated. */

import { LoadTable } from "../../../durable-objects/tenant-gate/load-table.ts";
import { TenantLoads } from "../../../src/tenancy/load-part.ts";

/** A gate and so many isolates. */
export class LoadsWorld {
  readonly #gate = new LoadTable();
  readonly isolates: readonly TenantLoads[];

  constructor(isolates: number) {
    this.isolates = Array.from({ length: isolates }, () => new TenantLoads());
  }

  /** All of them have an exchange at the same moment, and hear what the gate made of their words. */
  exchange(nowMs: number): void {
    for (const [name, loads] of this.isolates.entries()) {
      const word = loads.collect(nowMs);
      if (word !== null) this.#gate.take(String(name), word, nowMs);
    }
    const answer = this.#gate.answer(nowMs);
    for (const loads of this.isolates) loads.heard(answer, nowMs);
  }
}
