/**
 * `npm run bench -- limits`: what limits let through.
 *
 * Over-admission is max(0, admitted − (burst + rate × elapsed)), at every moment; utilisation is admitted ÷ min(offered, burst + rate ×
 * elapsed); a window is any stretch as long as the limit's. First the whole matrix on the simulated fleet (the gate's own
 * decisions, messages that take time), then a part of it in workerd: five instances of the built gateway that share one gate object.
 */

import { leaseLifeMs } from "../src/algorithms/lease-size.ts";
import {
  liveLeases,
  NO_FAULTS,
  windowBound,
  type LeaseWorldTally,
} from "../test/simulation/leases/lease-world.ts";
import type { Bench, BenchOptions } from "./bench.ts";
import { BURST_PART, replayAzure } from "./limits/azure-replay.ts";
import { sendBurst } from "./limits/burst.ts";
import { startFleet, type Cell, type CellTally, type Fleet } from "./limits/fleet.ts";
import { row, type BenchRow } from "./report.ts";

const LIMITS = [10, 100, 1000, 10_000];
const WINDOWS_S = [10, 60];
const INSTANCES = [1, 3, 5];
const LOADS = [0.9, 1, 1.5, 2];
/** Windows lived through in each cell. */
const WINDOWS = 3;
const ROUND_TRIP_MS = 10;

/** Limits below this are not asked for their utilisation, nor are loads below that. */
const LEAST_USED_LIMIT = 100;
const LEAST_USED_LOAD = 1.5;
const MIN_UTILISATION = 95;

/** One tenant's traffic, and isolates that share it. */
const HOT_PER_SECOND = 5000;
const HOT_ISOLATES = [50, 100, 200];

/** The part in workerd: rates a machine of two cores can offer; a window of 60 s is scaled to 10 s. */
const REAL_LIMITS = [10, 100, 1000];
const REAL_WINDOW_S = 10;
const REAL_MS = 25_000;
const REAL_INSTANCES = 5;

/** A burst: so many requests at once at each of five instances, of 1,500 tokens each, on 162,000 a minute. */
const BURST_EACH = 200;
const TOKENS_A_MINUTE = 162_000;

interface Judged {
  readonly limit: number;
  readonly load: number;
  readonly overAdmitted: number;
  readonly worstWindow: number;
  readonly utilisation: number;
  /** The most that a window may see. */
  readonly bound: number;
}

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  return [...simulated(seed, smoke), ...azureRows(), ...(await inWorkerd(seed, smoke))];
}

function burstOf(limit: number): number {
  return Math.max(10, limit / 10);
}

function simulated(seed: number, smoke: boolean): readonly BenchRow[] {
  const rows: BenchRow[] = [];
  for (const limit of smoke ? LIMITS.slice(0, 2) : LIMITS) {
    for (const window_s of WINDOWS_S) {
      rows.push(...matrixRows(seed, limit, window_s), strictRow(seed, limit, window_s));
    }
  }
  return [...rows, ...waitRows(seed, smoke), ...(smoke ? [] : hotRows(seed))];
}

function matrixRows(seed: number, limit: number, window_s: number): readonly BenchRow[] {
  const terms = { limit, window_s, burst: burstOf(limit) };
  const cells = INSTANCES.flatMap((isolates) =>
    LOADS.map((load): Judged => {
      const tally = live(seed, { terms, isolates, load });
      return { ...tally, limit, load, bound: windowBound(terms, leaseLifeMs(ROUND_TRIP_MS)) };
    }),
  );
  return judgedRows(`simulated, ${limit} in ${window_s} s`, cells);
}

function live(
  seed: number,
  plan: {
    readonly terms: {
      readonly limit: number;
      readonly window_s: number;
      readonly burst?: number;
      readonly strict?: boolean;
    };
    readonly isolates: number;
    readonly load: number;
    readonly durationMs?: number;
  },
): LeaseWorldTally {
  return liveLeases({
    seed,
    limit: plan.terms,
    isolates: plan.isolates,
    load: plan.load,
    durationMs: plan.durationMs ?? plan.terms.window_s * 1000 * WINDOWS,
    roundTripMs: ROUND_TRIP_MS,
    faults: NO_FAULTS,
  });
}

function judgedRows(subject: string, cells: readonly Judged[]): readonly BenchRow[] {
  const over = Math.max(...cells.map(({ overAdmitted }) => overAdmitted));
  const worst = Math.max(...cells.map(({ worstWindow, bound }) => worstWindow / bound));
  const used = cells
    .filter(({ limit, load }) => limit >= LEAST_USED_LIMIT && load >= LEAST_USED_LOAD)
    .map(({ utilisation }) => utilisation * 100);
  return [
    row(subject, "over-admission, worst cell", Math.round(over * 1000) / 1000, "requests", "== 0"),
    row(subject, "worst window ÷ (burst + rate × (W + lease))", worst, "of bound", "<= 1"),
    ...(used.length === 0
      ? []
      : [
          row(
            subject,
            "utilisation at load ≥ 1.5, lowest cell",
            Math.min(...used),
            "%",
            `>= ${MIN_UTILISATION}`,
          ),
        ]),
  ];
}

function strictRow(seed: number, limit: number, window_s: number): BenchRow {
  const worst = INSTANCES.map(
    (isolates) =>
      live(seed, { terms: { limit, window_s, strict: true }, isolates, load: 2 }).worstWindow,
  );
  const subject = `simulated, ${limit} in ${window_s} s, strict`;
  return row(subject, "worst window ÷ limit", Math.max(...worst) / limit, "of limit", "<= 1");
}

/** At a thousand requests a second, how many wait for the gate. */
function waitRows(seed: number, smoke: boolean): readonly BenchRow[] {
  const durationMs = smoke ? 10_000 : 60_000;
  return [5, 20].flatMap((isolates) => {
    const under = { terms: { limit: 12_000, window_s: 10, burst: 2000 }, isolates, durationMs };
    const calm = live(seed, { ...under, load: 1 / 1.2 });
    const over = live(seed, { ...under, terms: { ...under.terms, limit: 5000 }, load: 2 });
    const subject = `simulated, 1,000 requests/s over ${isolates} isolates`;
    return [
      row(
        subject,
        "requests that wait for the gate, under the limit",
        share(calm),
        "share",
        "<= 0.05",
      ),
      row(subject, "the same at twice the limit", share(over), "share", "<= 0.1"),
      row(subject, "questions behind requests", calm.exchanges / calm.requests, "per request"),
    ];
  });
}

/** A tenant with ever more busy isolates: how often they call its one gate, which is what would make shards worth having. */
function hotRows(seed: number): readonly BenchRow[] {
  return HOT_ISOLATES.flatMap((isolates) =>
    [0.8, 2].map((load) => {
      const limit = Math.round((HOT_PER_SECOND * 10) / load);
      const terms = { limit, window_s: 10, burst: limit / 5 };
      const durationMs = 10_000;
      const { exchanges, waited } = live(seed, { terms, isolates, load, durationMs });
      const perSecond = ((exchanges + waited) * 1000) / durationMs;
      const subject = `simulated, ${HOT_PER_SECOND} requests/s over ${isolates} isolates, load ${load}`;
      return row(subject, "calls of the gate a second", perSecond, "calls");
    }),
  );
}

function share({ waited, requests }: LeaseWorldTally): number {
  return waited / requests;
}

function azureRows(): readonly BenchRow[] {
  const replayed = replayAzure();
  if (replayed === null) {
    console.log("limits: ../shared/data is not there; the Azure trace is skipped");
    return [];
  }
  const { ours, usual } = replayed;
  const subject = "Azure code trace, tokens at half its mean demand";
  const bar = `<= ${(1 + BURST_PART).toFixed(3)}`;
  return [
    row(subject, "worst minute ÷ limit", ours.worstMinute, "of limit", bar),
    row(subject, "admitted", ours.admitted, "requests"),
    row(subject, "worst minute ÷ limit, charged at the end", usual.worstMinute, "of limit"),
    row(subject, "admitted, charged at the end", usual.admitted, "requests"),
    row(
      subject,
      "admitted ÷ charged at the end",
      ours.admitted / usual.admitted,
      "ratio",
      ">= 1.3",
    ),
  ];
}

async function inWorkerd(seed: number, smoke: boolean): Promise<readonly BenchRow[]> {
  const fleet = await startFleet(REAL_INSTANCES);
  try {
    const rows: BenchRow[] = [];
    for (const instances of smoke ? [REAL_INSTANCES] : INSTANCES) {
      // One limit after the other: a backlog of the largest would be everybody's.
      for (const limit of smoke ? [100] : REAL_LIMITS) {
        rows.push(...(await realRows(fleet, seed, { instances, limit }, smoke)));
      }
    }
    return [...rows, ...(await burstRows(fleet, smoke))];
  } finally {
    await fleet.close();
  }
}

/** All loads of one limit at once, each with a tenant of its own. */
async function realRows(
  fleet: Fleet,
  seed: number,
  { instances, limit }: { readonly instances: number; readonly limit: number },
  smoke: boolean,
): Promise<readonly BenchRow[]> {
  const durationMs = smoke ? 3000 : REAL_MS;
  const terms = { limit, window_s: REAL_WINDOW_S, burst: burstOf(limit) };
  const cells = (smoke ? [2] : LOADS).map((load, n): Cell => {
    return { limit: terms, instances, load, durationMs, seed: seed + n };
  });
  const tallies = await Promise.all(cells.map((cell) => fleet.run(cell)));
  const judged = cells.flatMap((cell, n) => {
    const tally = tallies[n];
    return tally === undefined ? [] : [judge(cell, tally)];
  });
  const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0);
  const longestMs = Math.max(...tallies.map(({ roundTripMs }) => leaseLifeMs(roundTripMs)));
  const subject = `workerd, ${limit} in ${REAL_WINDOW_S} s, ${instances} instances`;
  return [
    ...judgedRows(subject, judged),
    row(subject, "longest life of a lease", longestMs / 1000, "s"),
    row(subject, "refused for another reason than the limit", failed, "answers", "== 0"),
  ];
}

function judge({ limit, load }: Cell, tally: CellTally): Judged {
  const bound = windowBound(limit, leaseLifeMs(tally.roundTripMs));
  return { ...tally, limit: limit.limit, load, bound };
}

async function burstRows(fleet: Fleet, smoke: boolean): Promise<readonly BenchRow[]> {
  const each = smoke ? 40 : BURST_EACH;
  const instances = REAL_INSTANCES;
  const subject = `workerd, burst of ${instances} × ${each} requests of 1,500 tokens`;
  const strict = await sendBurst(fleet, { instances, each, strict: true });
  const whole = await sendBurst(fleet, { instances, each, strict: false });
  const failed = strict.failed + whole.failed;
  return [
    row(subject, "admitted, strict", strict.admitted, "tokens", `<= ${TOKENS_A_MINUTE}`),
    row(subject, "over-admission, strict", strict.overAdmitted, "tokens", "== 0"),
    row(subject, "admitted, all at once", whole.admitted, "tokens"),
    row(subject, "over-admission, all at once", whole.overAdmitted, "tokens", "== 0"),
    row(subject, "served in, all at once", whole.elapsedMs / 1000, "s"),
    row(subject, "refused for another reason than the limit", failed, "answers", "== 0"),
  ];
}

/** Limits as a benchmark. */
export const limits: Bench = { name: "limits", seed: 20_261_123, run };
