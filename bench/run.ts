/**
 * `npm run bench`: runs every benchmark, or the ones named; `-- --smoke` does about one per cent of the work, keeps no
 * result and judges no timing. Exits 1 when a row with a bar is not ok.
 */

import { aborts } from "./aborts.ts";
import { backpressure } from "./backpressure.ts";
import { balance } from "./balance.ts";
import type { Bench } from "./bench.ts";
import { branches } from "./branches.ts";
import { breaker } from "./breaker.ts";
import { cache } from "./cache.ts";
import { cost } from "./cost.ts";
import { crash } from "./crash.ts";
import { gateKills } from "./gate-kills.ts";
import { gateMutants } from "./gate-mutants.ts";
import { gateSimulation } from "./gate-simulation.ts";
import { limits } from "./limits.ts";
import { mcp } from "./mcp.ts";
import { earlyStart } from "./early-start.ts";
import { faults } from "./faults.ts";
import { hedge } from "./hedge.ts";
import { mutants } from "./mutants.ts";
import { overhead } from "./overhead.ts";
import { overload } from "./overload.ts";
import { publish, type BenchRow } from "./report.ts";
import { results } from "./results.ts";
import { rivals } from "./rivals.ts";
import { simulation } from "./simulation.ts";
import { soak } from "./soak.ts";
import { speculation } from "./speculation.ts";
import { speedup } from "./speedup.ts";
import { streams } from "./streams.ts";
import { throughput } from "./throughput.ts";
import { wire } from "./wire.ts";

const BENCHES: readonly Bench[] = [
  speedup,
  overhead,
  overload,
  throughput,
  aborts,
  backpressure,
  balance,
  branches,
  streams,
  soak,
  rivals,
  results,
  speculation,
  wire,
  crash,
  breaker,
  hedge,
  faults,
  mcp,
  simulation,
  gateKills,
  gateSimulation,
  gateMutants,
  earlyStart,
  mutants,
  cache,
  limits,
  cost,
];

/** Units whose bars mean nothing after a handful of repetitions on a busy machine. */
const TIMING_UNITS = new Set(["ms", "×", "%"]);

function withoutTimingBars({ case: subject, metric, value, unit, bar, ok }: BenchRow): BenchRow {
  const isJudged = bar !== undefined && ok !== undefined && !TIMING_UNITS.has(unit);
  return { case: subject, metric, value, unit, ...(isJudged ? { bar, ok } : {}) };
}

async function main(words: readonly string[]): Promise<number> {
  const smoke = words.includes("--smoke");
  const names = words.filter((word) => word !== "--smoke");
  const unknown = names.find((name) => !BENCHES.some((bench) => bench.name === name));
  if (unknown !== undefined) {
    console.error(
      `no benchmark "${unknown}"; there are: ${BENCHES.map((bench) => bench.name).join(", ")}`,
    );
    return 2;
  }
  let passed = true;
  for (const bench of BENCHES.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const rows = await bench.run({ smoke, seed: bench.seed });
    const judged = smoke ? rows.map(withoutTimingBars) : rows;
    passed = publish(bench.name, bench.seed, judged, !smoke) && passed;
  }
  return passed ? 0 : 1;
}

process.exit(await main(process.argv.slice(2)));
