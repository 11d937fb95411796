/**
 * `npm run bench -- overload`: what an upstream still does for its callers when they want up to eight times what it can serve,
 * with the concurrency limit the gateway uses; and how soon that limit follows an upstream that becomes four times slower and
 * quick again. On simulated time; calls arrive whether or not earlier ones were answered.
 */

import type { Bench, BenchOptions } from "./bench.ts";
import { capacity, type CallEnd, live, MEDIAN_MS, type Seen } from "./overload/upstream.ts";
import { row, type BenchRow } from "./report.ts";
import { quantile } from "./statistics.ts";

const LOADS = [1, 1.1, 2, 4, 8];
/** Seconds of a run; the load comes after the first ten, and a limit has until the second figure to find its place. */
const SECONDS = 90;
const QUIET_S = 10;
const SETTLED_S = 40;
/** The last seconds are not counted: their calls have not ended. */
const TAIL_S = 5;

const MIN_GOODPUT = 90;
const MIN_TOP = 99;
const MAX_SLOWER = 2;

function between(ends: readonly CallEnd[], fromS: number, untilS: number): readonly CallEnd[] {
  return ends.filter(({ startedMs }) => startedMs >= fromS * 1000 && startedMs < untilS * 1000);
}

function answeredPerSecond(ends: readonly CallEnd[], fromS: number, untilS: number): number {
  const answered = between(ends, fromS, untilS).filter(({ tookMs }) => tookMs !== null);
  return answered.length / (untilS - fromS);
}

function p99Of(ends: readonly CallEnd[]): number {
  return quantile(
    ends.flatMap(({ tookMs }) => tookMs ?? []),
    0.99,
  );
}

async function loads({ smoke, seed }: BenchOptions): Promise<BenchRow[]> {
  const seconds = smoke ? SETTLED_S + 2 * TAIL_S : SECONDS;
  const untilS = seconds - TAIL_S;
  const run = (load: number, mode: "adaptive" | null = "adaptive") => {
    const perSecond = (second: number) =>
      capacity(MEDIAN_MS) * (second < QUIET_S ? Math.min(load, 0.5) : load);
    return live({ seconds, seed, mode, perSecond });
  };
  const quietMs = p99Of((await run(0.1)).ends);
  const seen: { readonly load: number; readonly ends: readonly CallEnd[] }[] = [];
  for (const load of smoke ? [2] : LOADS)
    seen.push({ load, ends: between((await run(load)).ends, SETTLED_S, untilS) });
  const goodputs = seen.map(({ ends }) => answeredPerSecond(ends, SETTLED_S, untilS));
  const peak = Math.max(...goodputs);
  const rows = seen.flatMap(({ load, ends }, index) => {
    const subject = `${load}× what the upstream can serve`;
    const goodput = goodputs[index] ?? Number.NaN;
    const top = ends.filter(({ tier }) => tier === "interactive");
    const answered = top.filter(({ tookMs }) => tookMs !== null).length / top.length;
    const shed = ends.filter(({ wasShed }) => wasShed).length / ends.length;
    const bar = load === 8 ? `>= ${MIN_GOODPUT}` : undefined;
    return [
      row(subject, "goodput", goodput, "calls/s"),
      row(subject, "goodput of the most it ever was", (goodput / peak) * 100, "percent", bar),
      row(subject, "interactive calls answered", answered * 100, "percent", `>= ${MIN_TOP}`),
      row(subject, "calls turned away", shed * 100, "percent"),
      row(
        subject,
        "p99 of answers over the unloaded one",
        p99Of(ends) / quietMs,
        "times",
        `<= ${MAX_SLOWER}`,
      ),
    ];
  });
  if (smoke) return rows;
  const unlimited = answeredPerSecond((await run(8, null)).ends, SETTLED_S, untilS);
  const subject = "8× what the upstream can serve, without a limit";
  return [
    ...rows,
    row(subject, "goodput of the most it ever was", (unlimited / peak) * 100, "percent"),
  ];
}

/** The upstream is slow from the first of these seconds to the second. */
const SLOW_FROM_S = 60;
const SLOW_UNTIL_S = 150;
const STEP_SECONDS = 240;
/** Time the limit has to follow. */
const FOLLOW_S = 30;
/** Limits an operator might have set, for each isolate. */
const FIXED = [2, 4, 6, 8, 10, 12, 16, 24];
/** Timeouts are back when they are at most this many times what they were. */
const MAX_TIMEOUT = 2;

/** Four fifths of what the upstream can serve when it is well. */
function steadily(): number {
  return 0.8 * capacity(MEDIAN_MS);
}

async function step({ seed }: BenchOptions): Promise<BenchRow[]> {
  const medianAt = (second: number): number =>
    second >= SLOW_FROM_S && second < SLOW_UNTIL_S ? 4 * MEDIAN_MS : MEDIAN_MS;
  const plan = { seconds: STEP_SECONDS, seed, medianAt, perSecond: steadily };
  const slow = (seen: Seen): number =>
    answeredPerSecond(seen.ends, SLOW_FROM_S + FOLLOW_S, SLOW_UNTIL_S - TAIL_S);
  const adaptive = await live({ ...plan, mode: "adaptive" });
  let best = 0;
  for (const mode of FIXED) best = Math.max(best, slow(await live({ ...plan, mode })));
  const before = answeredPerSecond(adaptive.ends, SLOW_FROM_S - FOLLOW_S, SLOW_FROM_S);
  const after = answeredPerSecond(adaptive.ends, SLOW_UNTIL_S + FOLLOW_S, STEP_SECONDS - TAIL_S);
  const timeoutAt = (second: number): number => adaptive.timeoutMs[second - 1] ?? Number.NaN;
  const atFirst = timeoutAt(SLOW_FROM_S);
  const atLast = timeoutAt(SLOW_UNTIL_S + FOLLOW_S);
  const subject = "upstream 100 → 400 → 100 ms";
  const bar = `>= ${MIN_GOODPUT}`;
  return [
    row(
      subject,
      "goodput of the best fixed limit's, from 30 s after",
      (slow(adaptive) / best) * 100,
      "percent",
      bar,
    ),
    row(
      subject,
      "goodput from 30 s after its return, of that before",
      (after / before) * 100,
      "percent",
      bar,
    ),
    row(subject, "time an attempt is given, before", atFirst, "ms"),
    row(subject, "time an attempt is given, 30 s after", timeoutAt(SLOW_FROM_S + FOLLOW_S), "ms"),
    row(
      subject,
      "time an attempt is given 30 s after its return, over before",
      atLast / atFirst,
      "times",
      `<= ${MAX_TIMEOUT}`,
    ),
  ];
}

async function all(options: BenchOptions): Promise<readonly BenchRow[]> {
  const rows = await loads(options);
  return options.smoke ? rows : [...rows, ...(await step(options))];
}

/** The benchmark of overload. */
export const overload: Bench = { name: "overload", seed: 11, run: all };
