/** The breakers and the guard under test, as one value: a planted fault is another core. The world around it is simulated. */

import {
  BreakerTable,
  type BreakerRow,
} from "../../../durable-objects/tenant-gate/breaker-table.ts";
import type { BalanceTarget } from "../../../src/contract/balance.ts";
import type { Verdict } from "../../../src/contract/upstream-session.ts";
import type { Result } from "../../../src/platform/result.ts";
import {
  guard,
  type GuardFailure,
  type GuardedCall,
  type GuardWorld,
} from "../../../src/resilience/guard.ts";

/** A call of the simulation: its upstream answers with a verdict. */
export type SimCall = GuardedCall<BalanceTarget, Verdict, Verdict>;

/** What is simulated. */
export interface BreakerCore {
  readonly guard: (
    call: SimCall,
    world: GuardWorld,
    signal: AbortSignal,
  ) => Promise<Result<Verdict, Verdict | GuardFailure>>;
  readonly newTable: (random: () => number) => BreakerTable;
  /** Rows that reach the disk before an answer leaves. */
  readonly saved: (rows: readonly BreakerRow[]) => readonly BreakerRow[];
}

/** They as they are. */
export const REAL_BREAKER_CORE: BreakerCore = {
  guard,
  newTable: (random) => new BreakerTable(random),
  saved: (rows) => rows,
};
