/**
 * `npm run bench -- early-start`: ten thousand fuzzed turns of a model, as the bytes of a provider with quirks, each held
 * with early start and without. No write may ever start before the turn is complete, nothing else that may not either,
 * every wrong start is taken back and counted, and the model must read the same in both.
 */

import { earlyCampaign } from "../test/simulation/early-start/early-campaign.ts";
import { fiveCalls } from "../test/simulation/early-start/five-calls.ts";
import type { Bench, BenchOptions } from "./bench.ts";
import { row, type BenchRow } from "./report.ts";

const STREAMS = 10_000;

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const streams = smoke ? STREAMS / 100 : STREAMS;
  const tally = await earlyCampaign(seed, streams);
  for (const fault of tally.faults) console.error(fault);
  const subject = `${streams} fuzzed streams`;
  const five = await fiveCalls();
  return [
    row(subject, "writes started early", tally.earlyWrites, "calls", "== 0"),
    row(
      subject,
      "other calls started early that may not be",
      tally.earlyForbidden,
      "calls",
      "== 0",
    ),
    row(subject, "conversations that differ from those without", tally.differing, "runs", "== 0"),
    row(subject, "runs that met max_calls sooner for a wrong start", tally.limited, "runs"),
    row(subject, "runs that miscount their starts", tally.miscounted, "runs", "== 0"),
    row(subject, "calls or timers left open", tally.leftOpen, "runs", "== 0"),
    row(subject, "calls started", tally.starts, "calls"),
    row(subject, "started early", tally.early, "calls", ">= 1"),
    row(subject, "committed", tally.committed, "calls"),
    row(subject, "wrong: taken back and counted", tally.wrong, "calls"),
    row(subject, "of those, aborted under way", tally.aborted, "calls"),
    row(
      "a turn of 5 calls at 60 tokens/s",
      "first call begins before the second is written by",
      five.secondWrittenMs - five.firstStartMs,
      "simulated ms",
      ">= 1",
    ),
  ];
}

/** The campaign of early starts. */
export const earlyStart: Bench = { name: "early-start", seed: 1, run };
