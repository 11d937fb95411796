/** Failure patterns planted into a breaker table, for the campaign that looks whether they get their name. */

import { BreakerTable } from "../../../durable-objects/tenant-gate/breaker-table.ts";
import type { FailurePattern, TargetWord } from "../../../src/contract/breaker.ts";

const T0 = 1_000_000;
const LOOKED_AT_MS = 2_000_000;

/** What an isolate has seen of a target, told to the gate. */
function tell(table: BreakerTable, target: string, atMs: number, news: Partial<TargetWord>): void {
  const none = { good: 0, bad: 0, timedOut: 0, limited: 0, baseline: null, holdMs: 0 };
  table.take({ targets: [{ target, ...none, answers: [], ...news }] }, atMs);
}

const PLANTED: readonly (readonly [FailurePattern | null, (table: BreakerTable) => void])[] = [
  [
    "cascading",
    (table) => {
      for (const [n, name] of ["a", "b", "c"].entries())
        tell(table, name, T0 + n * 5_000, { bad: 6 });
    },
  ],
  ["exhaustion", (table) => tell(table, "a", T0, { bad: 5, limited: 50 })],
  ["timeout_spiral", (table) => tell(table, "a", T0, { bad: 6, timedOut: 6 })],
  [
    "intermittent",
    (table) => {
      for (let n = 0; n < 3; n += 1) {
        tell(table, "a", T0 + n * 60_000, { bad: 12 });
        table.force("a", "auto", T0 + 30_000 + n * 60_000);
      }
    },
  ],
  [null, (table) => tell(table, "a", T0, { bad: 6 })],
];

/** How many of the five planted patterns, one of them none, are named right. */
export function namedPatterns(): number {
  return PLANTED.filter(([label, plant]) => {
    const table = new BreakerTable(() => 0.5);
    plant(table);
    return table.list(LOOKED_AT_MS)[0]?.pattern === label;
  }).length;
}
