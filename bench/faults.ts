/**
 * `npm run bench -- faults`: what becomes of calls whose upstream fails, through the real guard, session and breaker table on
 * a clock that jumps from event to event (`test/simulation/faults` says what is left out).
 *
 * Reads meet one fault in twenty of each class, and one in five of all; a write meets one in five, and its target's ledger
 * counts what was done twice. Then a full outage, with and without breakers, its end, one of two targets down for a
 * twentieth of the time, and planted failure patterns. The gate's object is evicted and the clock steps while calls go on. Last, the
 * classes again over real HTTP against the built gateway.
 */

import type { Bench, BenchOptions } from "./bench.ts";
import { httpFaults, type HttpAmounts } from "./faults/http-faults.ts";
import {
  type CallEnd,
  FAULTS,
  FaultWorld,
  withShare,
} from "../test/simulation/faults/fault-world.ts";
import { namedPatterns } from "../test/simulation/faults/planted-patterns.ts";
import { row, type BenchRow } from "./report.ts";

const CLASS_CALLS = 2_000;
const MEASURED_CALLS = 60;
const WRITES = 100_000;
const DOWN_CALLS = 100_000;

/** Calls come so often: five a second, fifty, a hundred. */
const CALM_GAP_MS = 200;
const WRITE_GAP_MS = 20;
const BUSY_GAP_MS = 10;

/** How often the gate's object is evicted, and the isolate's clock steps by up to five seconds either way. */
const EVICT_EVERY_MS = 1_000;
const STEP_EVERY_MS = 2_000;

const HTTP_SEED = 33;
const HTTP: HttpAmounts = {
  calls: 1_000,
  writes: 5_000,
  streams: 200,
  share: 0.05,
  isJudged: true,
};
const SMOKE_HTTP: HttpAmounts = { calls: 20, writes: 40, streams: 6, share: 0.1, isJudged: false };

function share(part: number, whole: number): number {
  return whole === 0 ? Number.NaN : part / whole;
}

function sum(ends: readonly CallEnd[], of: (end: CallEnd) => number): number {
  return ends.reduce((total, end) => total + of(end), 0);
}

/** Of the calls whose first request met a fault, those that ended well in their time. */
async function classes(calls: number, seed: number): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  const kinds = [
    ...FAULTS.map((fault) => ({ name: fault, of: [fault], part: 0.05 })),
    { name: "all classes mixed", of: [...FAULTS], part: 0.2 },
  ];
  for (const { name, of, part } of kinds) {
    const faulty = withShare(of, part);
    const calm = { isOver: false };
    const world = new FaultWorld({
      seed,
      targets: ["tool:t"],
      behaviour: (...now) => (calm.isOver ? faulty(...now) : null),
      effect: "read",
    });
    // How long the tool takes is known, as of any tool in use.
    await world.run(MEASURED_CALLS, CALM_GAP_MS);
    calm.isOver = true;
    const ends = await world.run(calls, CALM_GAP_MS);
    const hit = ends.filter(({ wasHit }) => wasHit);
    const good = 100 * share(hit.filter(({ isGood }) => isGood).length, hit.length);
    const subject = `${name}, ${part * 100} % of ${calls} reads`;
    rows.push(row(subject, "faults that ended in success", good, "% of faults", ">= 95"));
    rows.push(
      row(
        subject,
        "requests for a call",
        share(
          sum(ends, (e) => e.attempts),
          calls,
        ),
        "requests",
      ),
    );
  }
  return rows;
}

/** All classes at once while the gate's object is evicted, and while the clock steps. */
async function shaken(calls: number, seed: number): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const [name, shake] of [
    ["gate evicted every second", { evictEveryMs: EVICT_EVERY_MS }],
    ["clock steps of up to 5 s every two", { stepEveryMs: STEP_EVERY_MS }],
  ] as const) {
    for (const effect of ["read", "write"] as const) {
      const behaviour = withShare(FAULTS, 0.05);
      const world = new FaultWorld({ seed, targets: ["tool:s"], behaviour, effect, ...shake });
      const ends = await world.run(calls, CALM_GAP_MS);
      const hit = ends.filter(({ wasHit }) => wasHit);
      const good = 100 * share(hit.filter(({ isGood }) => isGood).length, hit.length);
      const twice = ends.filter(({ executed }) => executed > 1).length;
      const subject = `${name}, 5 % of all classes, ${calls} ${effect}s`;
      rows.push(
        effect === "read"
          ? row(subject, "faults that ended in success", good, "% of faults", ">= 95")
          : row(subject, "done twice", twice, "writes", "== 0"),
        row(subject, "evictions and steps", world.shakes, "times", ">= 1"),
      );
    }
  }
  return rows;
}

async function writes(calls: number, seed: number): Promise<readonly BenchRow[]> {
  const behaviour = withShare(FAULTS, 0.2);
  const world = new FaultWorld({ seed, targets: ["tool:w"], behaviour, effect: "write" });
  const ends = await world.run(calls, WRITE_GAP_MS);
  const subject = `${calls} writes, 20 % of all classes`;
  const twice = ends.filter(({ executed }) => executed > 1).length;
  const retried = ends.filter(({ attempts }) => attempts > 1).length;
  return [
    row(subject, "done twice", twice, "writes", "== 0"),
    row(subject, "sent again, because they were refused", retried, "writes", ">= 1"),
  ];
}

/** Everything fails for `outageMs`; before and after all is well. */
async function outage(outageMs: number, hasBreaker: boolean, seed: number) {
  const fromMs = 1_000_000 + 20_000;
  const untilMs = fromMs + outageMs;
  const world = new FaultWorld({
    seed,
    targets: ["tool:o"],
    behaviour: (_, nowMs) => (nowMs >= fromMs && nowMs < untilMs ? "status 500" : null),
    effect: "read",
    policy: { breaker: { enabled: hasBreaker } },
  });
  const ends = await world.run((outageMs + 40_000) / BUSY_GAP_MS, BUSY_GAP_MS);
  const during = ends.filter(({ startedMs }) => startedMs >= fromMs && startedMs < untilMs);
  const lastBad = Math.max(untilMs, ...ends.filter((e) => !e.isGood).map((e) => e.startedMs));
  const perSecond = new Map<number, number>();
  for (const atMs of world.arrivalsMs) {
    if (atMs < untilMs) continue;
    const second = Math.floor((atMs - untilMs) / 1_000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  return {
    perRequest: share(
      sum(during, ({ attempts }) => attempts),
      during.length,
    ),
    recoveredMs: lastBad - untilMs,
    peak: Math.max(...perSecond.values()) / (1_000 / BUSY_GAP_MS),
  };
}

async function outages(smoke: boolean, seed: number): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  const long = smoke ? 5_000 : 60_000;
  for (const [outageMs, hasBreaker] of [
    [long, false],
    [5_000, true],
    [long, true],
  ] as const) {
    const { perRequest, recoveredMs, peak } = await outage(outageMs, hasBreaker, seed);
    const subject = `full outage of ${outageMs / 1000} s, 100 reads/s, ${hasBreaker ? "with" : "without"} a breaker`;
    // Ten saved, and one a second.
    const floor = (10 + outageMs / 1000) / (outageMs / BUSY_GAP_MS);
    const bar = `<= ${(1.1 + floor).toFixed(3)}`;
    rows.push(row(subject, "requests for a call", perRequest, "requests", bar));
    rows.push(
      row(
        subject,
        "until the last failure after its end",
        recoveredMs / 1000,
        "s",
        ...barOf(outageMs, hasBreaker),
      ),
    );
    rows.push(row(subject, "highest second after its end, of the usual", peak, "times", "<= 1.2"));
  }
  return rows;
}

/** A breaker that has been open for long looks rarely, by its design; only shorter outages have a bar. */
function barOf(outageMs: number, hasBreaker: boolean): readonly [] | readonly [string] {
  return outageMs <= 5_000 || !hasBreaker ? ["<= 5"] : [];
}

/** One of two targets is down for three seconds of every minute. */
async function oneDown(calls: number, seed: number): Promise<readonly BenchRow[]> {
  const world = new FaultWorld({
    seed,
    targets: ["tool:d@a", "tool:d@b"],
    behaviour: (target, nowMs) =>
      target === "tool:d@a" && nowMs % 60_000 < 3_000 ? "status 503" : null,
    effect: "read",
  });
  const ends = await world.run(calls, BUSY_GAP_MS);
  const good = 100 * share(ends.filter(({ isGood }) => isGood).length, calls);
  const subject = `${calls} reads, one of two targets down 5 % of the time`;
  return [row(subject, "success", good, "% of reads", ">= 99.9")];
}

function patterns(): readonly BenchRow[] {
  const subject = "five planted failure patterns, one of them none";
  return [row(subject, "named right", namedPatterns(), "patterns", "== 5")];
}

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const part = smoke ? 0.01 : 1;
  return [
    ...(await classes(smoke ? 200 : CLASS_CALLS, seed)),
    ...(await shaken(smoke ? 200 : CLASS_CALLS, seed)),
    ...(await writes(WRITES * part, seed)),
    ...(await outages(smoke, seed)),
    ...(await oneDown(smoke ? 6_000 : DOWN_CALLS, seed)),
    ...patterns(),
    ...(await httpFaults(smoke ? SMOKE_HTTP : HTTP, HTTP_SEED)),
  ];
}

/** The fault campaign. */
export const faults: Bench = { name: "faults", seed: 9, run };
