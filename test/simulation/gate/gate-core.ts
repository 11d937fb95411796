/** The limits under test, as one value: a planted fault is another core. The world around it is simulated. */

import { SimGate } from "../leases/sim-gate.ts";
import { SimIsolate, type SimNetwork } from "../leases/sim-isolate.ts";

/** What is simulated. */
export interface GateCore {
  readonly newGate: () => SimGate;
  readonly newIsolate: (id: string, network: SimNetwork, now: () => number) => SimIsolate;
}

/** The limits as they are. */
export const REAL_GATE_CORE: GateCore = {
  newGate: () => new SimGate(),
  newIsolate: (id, network, now) => new SimIsolate(id, network, now),
};
