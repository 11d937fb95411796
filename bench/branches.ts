/**
 * `npm run bench -- branches`: a branch wins its group, and the others stop. What counts is when the tool server saw the
 * losers' requests go, measured from the moment it had written the winner's answer; that losers which still waited for a
 * slot were never sent; and that calls beside the group ended as they do without it.
 */

import type { Bench, BenchOptions } from "./bench.ts";
import { epochMs, until } from "./bench.ts";
import { row, type BenchRow } from "./report.ts";
import { quantile } from "./statistics.ts";
import { openWorld, type World } from "./world.ts";

const MAX_ABORT_MS = 50;
const REPEATS = 40;
const LOSER_MS = 20_000;
const GIVE_UP_MS = 10_000;

interface Place {
  readonly name: string;
  /** Long calls of the losing branches. */
  readonly losers: number;
  /** Calls in flight at once: fewer than there are, so that some losers wait. */
  readonly maxParallel: number;
  /** When the winner ends: late enough for every slot to be taken. */
  readonly winnerMs: number;
}

const PLACES: readonly Place[] = [
  { name: "one invocation", losers: 6, maxParallel: 4, winnerMs: 100 },
  { name: "shards", losers: 60, maxParallel: 40, winnerMs: 400 },
];

/** Calls beside the group, which wait behind the losers. */
const BESIDE = 4;

interface Seen {
  readonly lastAbortMs: number;
  readonly answerMs: number;
  /** Losers that were sent although they had no slot when the winner ended. */
  readonly sentInVain: number;
  /** Results of the calls beside the group that differ from those of a run without it. */
  readonly differing: number;
}

/** Calls are told apart by `n`: identical reads of one run would be sent once. */
function sleep(id: string, ms: number, n: number, branch?: string): object {
  return {
    id,
    tool: "sleep",
    arguments: { ms, n, k: branch ?? "beside" },
    ...(branch !== undefined && { branch }),
  };
}

function besideCalls(): readonly object[] {
  return Array.from({ length: BESIDE }, (_, n) => sleep(`beside${n}`, 5, n));
}

/** What the calls beside the group gave: everything of their results but times. */
function outputsOf(text: string): readonly string[] {
  const value: unknown = JSON.parse(text);
  const results: unknown = Object.entries(value ?? {}).find(([name]) => name === "results")?.[1];
  if (!Array.isArray(results)) throw new Error(text.slice(0, 500));
  return results
    .map((each: unknown) => JSON.stringify(each).replaceAll(/"\w+_ms":\d+/g, ""))
    .filter((each) => each.includes('"id":"beside'));
}

async function race(world: World, place: Place, expected: readonly string[]): Promise<Seen> {
  await world.resetTraffic();
  const losers = Array.from({ length: place.losers }, (_, n) =>
    sleep(`loser${n}`, LOSER_MS, n, "loser"),
  );
  const answer = await world.send("POST", "/v1/runs", {
    calls: [sleep("winner", place.winnerMs, 0, "winner"), ...losers, ...besideCalls()],
    max_parallel: place.maxParallel,
    branches: { winner: { group: "race", policy: "first_success" }, loser: { group: "race" } },
  });
  const answeredAt = epochMs();
  await until(() => world.traffic().open === 0, GIVE_UP_MS);
  const { keys, aborts } = world.traffic();
  const wonAt = keys["winner"]?.completed_at ?? Number.NaN;
  const found = outputsOf(answer.text);
  return {
    lastAbortMs: Math.max(...aborts.map(({ at }) => at)) - wonAt,
    answerMs: answeredAt - wonAt,
    sentInVain: (keys["loser"]?.started ?? 0) - (place.maxParallel - 1),
    differing: expected.filter((each, index) => each !== found[index]).length,
  };
}

async function measure(world: World, place: Place, repeats: number): Promise<readonly BenchRow[]> {
  const alone = await world.send("POST", "/v1/runs", { calls: besideCalls() });
  const expected = outputsOf(alone.text);
  // The first race starts the shards and is not counted; an isolate keeps them for later runs.
  await race(world, place, expected);
  const seen: Seen[] = [];
  for (let index = 0; index < repeats; index += 1) seen.push(await race(world, place, expected));
  const label = `1 winner against ${place.losers} calls, ${place.maxParallel} at once, through ${place.name}, ${repeats} runs`;
  const aborts = seen.map(({ lastAbortMs }) => lastAbortMs);
  const sum = (of: (one: Seen) => number) => seen.reduce((total, one) => total + of(one), 0);
  return [
    row(
      label,
      "last loser aborted after the winner, max",
      Math.max(...aborts),
      "ms",
      `<= ${MAX_ABORT_MS}`,
    ),
    row(label, "last loser aborted after the winner, p50", quantile(aborts, 0.5), "ms"),
    row(
      label,
      "answer after the winner, p50",
      quantile(
        seen.map(({ answerMs }) => answerMs),
        0.5,
      ),
      "ms",
    ),
    row(
      label,
      "losers sent that had no slot",
      sum(({ sentInVain }) => sentInVain),
      "calls",
      "== 0",
    ),
    row(
      label,
      "results beside the group that differ",
      sum(({ differing }) => differing),
      "results",
      "== 0",
    ),
  ];
}

async function run({ smoke }: BenchOptions): Promise<readonly BenchRow[]> {
  const world = await openWorld();
  try {
    const rows: BenchRow[] = [];
    for (const place of PLACES) rows.push(...(await measure(world, place, smoke ? 1 : REPEATS)));
    return rows;
  } finally {
    await world.close();
  }
}

/** The benchmark of branches that lose. */
export const branches: Bench = { name: "branches", seed: 20_261_122, run };
