/**
 * `npm run bench -- balance`: how well targets are chosen, with the chooser the gateway uses.
 *
 * The table holds it against the usual policies on one simulated fleet, each isolate knowing only what it saw itself. Then:
 * tower's ten endpoints, fifty isolates that share measurements a second old, the draws of a softmax choice, and failure
 * domains learned from outages.
 */

import { softmaxWeights, weightedDraw } from "../src/algorithms/weighted-draw.ts";
import type { Bench, BenchOptions } from "./bench.ts";
import { liveThrough } from "./balance/domains.ts";
import { atRandom, ours, p2cLeastRequest, p2cPeakEwma, type Picker } from "./balance/pickers.ts";
import { SCENARIOS, simulate, simulateTower, type Scenario } from "./balance/scenarios.ts";
import { staleSnapshot } from "./balance/stale-snapshot.ts";
import { row, type BenchRow } from "./report.ts";
import { mean, seededRandom } from "./statistics.ts";

type NewPicker = (count: number, random: () => number) => Picker;

const POLICIES: readonly { readonly name: string; readonly make: NewPicker }[] = [
  { name: "random", make: atRandom },
  { name: "P2C least request", make: p2cLeastRequest },
  { name: "P2C peak EWMA", make: p2cPeakEwma },
  { name: "least_request", make: (count, random) => ours("least_request", count, random) },
  { name: "softmax", make: (count, random) => ours("softmax", count, random) },
  { name: "peak_ewma", make: (count, random) => ours("peak_ewma", count, random) },
];

/** Simulated seconds of each scenario, and repetitions with other seeds. */
const SECONDS = 300;
const SEEDS = 3;

/** p99 may be this much above that of P2C peak EWMA. */
const MAX_RATIO = 1.05;
const MAX_ERRORS = 0.1;
const MAX_BUSIEST = 1.25;

interface Means {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly errors: number;
  readonly busiest: number;
}

function means(
  scenario: Scenario,
  make: NewPicker,
  seconds: number,
  seed: number,
  seeds: number,
): Means {
  const outcomes = Array.from({ length: seeds }, (_, again) =>
    simulate(scenario, make, seconds, seed + again),
  );
  const of = (read: (outcome: (typeof outcomes)[number]) => number): number =>
    mean(outcomes.map(read));
  return {
    p50: of(({ p50 }) => p50),
    p95: of(({ p95 }) => p95),
    p99: of(({ p99 }) => p99),
    p999: of(({ p999 }) => p999),
    errors: of(({ errors }) => errors) * 100,
    busiest: of(({ busiest }) => busiest),
  };
}

function table(scenario: Scenario, { smoke, seed }: BenchOptions): BenchRow[] {
  const seconds = smoke ? SECONDS / 100 : SECONDS;
  const seeds = smoke ? 1 : SEEDS;
  const measured = POLICIES.map(({ name, make }) => ({
    name,
    ...means(scenario, make, seconds, seed, seeds),
  }));
  const rival = measured.find(({ name }) => name === "P2C peak EWMA");
  return measured.flatMap((policy) => {
    const subject = `${scenario.name}, ${policy.name}`;
    const isOurs = policy.name === "peak_ewma";
    const rows = [
      row(subject, "p50", policy.p50, "ms"),
      row(subject, "p95", policy.p95, "ms"),
      row(subject, "p99", policy.p99, "ms"),
      row(subject, "p99.9", policy.p999, "ms"),
      row(subject, "failed requests", policy.errors, "%", isOurs ? `<= ${MAX_ERRORS}` : undefined),
    ];
    if (!isOurs || rival === undefined) return rows;
    const ratio = policy.p99 / rival.p99;
    rows.push(row(subject, "p99 over that of P2C peak EWMA", ratio, "×", `<= ${MAX_RATIO}`));
    if (scenario.name === "all alike")
      rows.push(
        row(subject, "busiest target over its share", policy.busiest, "×", `<= ${MAX_BUSIEST}`),
      );
    return rows;
  });
}

/** tower's own figure for peak EWMA. */
const MAX_TOWER_MS = 105;
const TOWER_REQUESTS = 100_000;

function tower({ seed }: BenchOptions): BenchRow[] {
  return POLICIES.filter(({ name }) => name !== "random").map(({ name, make }) => {
    const { p999 } = simulateTower(make, TOWER_REQUESTS, seed);
    const bar = name === "peak_ewma" ? `<= ${MAX_TOWER_MS}` : undefined;
    return row(`tower's ten endpoints, ${name}`, "p99.9", p999, "ms", bar);
  });
}

function herd({ smoke, seed }: BenchOptions): BenchRow[] {
  const seconds = smoke ? 10 : 120;
  const { overall, worstSecond } = staleSnapshot(seconds, seed);
  const subject = "50 isolates, one snapshot a second old";
  return [
    row(subject, "busiest of 8 targets over its share", overall, "times", "<= 1.5"),
    row(subject, "the same in the worst single second", worstSecond, "times", "<= 1.5"),
  ];
}

/** χ² with 7 degrees of freedom is above this by chance once in a thousand times. */
const MAX_CHI_SQUARE = 24.32;

function softmax({ smoke, seed }: BenchOptions): BenchRow[] {
  const random = seededRandom(seed);
  const costs = [100, 110, 120, 140, 160, 180, 200, 240];
  const weights = softmaxWeights(costs, [1, 2, 1, 1, 3, 1, 1, 1]);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const draws = smoke ? 10_000 : 1_000_000;
  const drawn = costs.map(() => 0);
  for (let draw = 0; draw < draws; draw += 1) {
    const index = weightedDraw(weights, random());
    drawn[index] = (drawn[index] ?? 0) + 1;
  }
  const chiSquare = weights.reduce((sum, weight, index) => {
    const expected = (draws * weight) / total;
    return sum + ((drawn[index] ?? 0) - expected) ** 2 / expected;
  }, 0);
  const subject = `softmax, ${draws} draws of 8 targets`;
  return [row(subject, "χ² against the stated shares", chiSquare, "", `<= ${MAX_CHI_SQUARE}`)];
}

const HOURS = 8;
const MIN_AGREEMENT = 0.9;
/** Failed calls that must go, per cent. */
const MIN_CUT = 40;

function domains({ smoke, seed }: BenchOptions): BenchRow[] {
  const hours = smoke ? 3 : HOURS;
  const seeds = smoke ? 1 : SEEDS;
  const lives = Array.from({ length: seeds }, (_, life) => {
    const from = seed + 10 * life;
    return {
      learned: liveThrough({ planted: true, learns: true }, hours, from),
      blind: liveThrough({ planted: true, learns: false }, hours, from),
      alone: liveThrough({ planted: false, learns: true }, hours, from),
    };
  });
  const failed = (of: "learned" | "blind"): number => mean(lives.map((life) => life[of].failed));
  const cut = (1 - failed("learned") / failed("blind")) * 100;
  const subject = `12 targets, ${hours} h of outages`;
  return [
    row(
      `${subject}, three domains of three`,
      "adjusted Rand index of the learned domains, least",
      Math.min(...lives.map(({ learned }) => learned.adjustedRand)),
      "",
      `>= ${MIN_AGREEMENT}`,
    ),
    row(
      `${subject}, three domains of three`,
      "failed calls without learning",
      failed("blind"),
      "calls",
    ),
    row(`${subject}, three domains of three`, "failed calls", failed("learned"), "calls"),
    row(`${subject}, three domains of three`, "failed calls avoided", cut, "%", `>= ${MIN_CUT}`),
    row(
      `${subject}, all alone`,
      "domains made up, most",
      Math.max(...lives.map(({ alone }) => alone.domains)),
      "domains",
      "== 0",
    ),
  ];
}

/** The simulations; nothing is started and nothing waits. */
async function run(options: BenchOptions): Promise<readonly BenchRow[]> {
  return [
    ...SCENARIOS.flatMap((scenario) => table(scenario, options)),
    ...tower(options),
    ...herd(options),
    ...softmax(options),
    ...domains(options),
  ];
}

/** The benchmark of choosing targets. */
export const balance: Bench = { name: "balance", seed: 7, run };
