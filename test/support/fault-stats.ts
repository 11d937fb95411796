/** Reads the fault origin's statistics from inside a test. */

/** Requests of one group. */
export interface FaultCounts {
  readonly open: number;
  readonly peak: number;
  readonly requests: number;
  readonly aborted: number;
}

const NONE: FaultCounts = { open: 0, peak: 0, requests: 0, aborted: 0 };

/** The counts of the requests that carried this id. */
export async function faultCounts(origin: string, id: string): Promise<FaultCounts> {
  const answer = await fetch(`${origin}/stats`);
  const stats: unknown = await answer.json();
  return isStats(stats) ? (stats.byId[id] ?? NONE) : NONE;
}

/** Waits until no request of this id is open, at most two seconds, and returns its counts then. */
export async function settledCounts(origin: string, id: string): Promise<FaultCounts> {
  for (let asked = 0; ; asked += 1) {
    const counts = await faultCounts(origin, id);
    if ((counts.open === 0 && counts.requests > 0) || asked === 100) return counts;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function isStats(stats: unknown): stats is { byId: Readonly<Record<string, FaultCounts>> } {
  return typeof stats === "object" && stats !== null && "byId" in stats;
}
