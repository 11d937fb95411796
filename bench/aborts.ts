/**
 * `npm run bench -- aborts`: work that has become pointless stops. A deadline, a cancel, a lost connection and a client
 * that leaves, through one invocation and through shards; what counts is when the tool server saw the requests go.
 *
 * The local runtime does not report a normal close before the first byte of the answer, and on a stream only at the next
 * write; so that case is measured on a stream, and its bar is one heartbeat more.
 */

import type { Bench, BenchOptions } from "./bench.ts";
import { inParallel, until } from "./bench.ts";
import { carryOut, carryOutAmongOthers, type Ending, type Plan, type Seen } from "./leaving.ts";
import { row, type BenchRow } from "./report.ts";
import { quantile, seededRandom } from "./statistics.ts";
import { openWorld, type World } from "./world.ts";

const HEARTBEAT_MS = 100;
const MAX_ABORT_MS = 100;
const MAX_ANSWER_LATE_MS = 50;
const REPEATS = 40;
/** Long enough for every call to be in flight by then. */
const DEADLINE_MS = 800;
const RANDOM_RUNS = 1000;
/** Random runs going on at once. */
const WIDTH = 8;

interface Place {
  readonly name: string;
  readonly calls: number;
}

const PLACES: readonly Place[] = [
  { name: "one invocation", calls: 4 },
  { name: "shards", calls: 40 },
];

const WAYS: readonly {
  readonly ending: Ending;
  readonly stream: boolean;
  readonly label: string;
}[] = [
  { ending: "deadline", stream: false, label: "deadline" },
  { ending: "deadline", stream: true, label: "deadline, streamed" },
  { ending: "cancel", stream: true, label: "cancel, streamed" },
  { ending: "reset", stream: false, label: "connection reset" },
  { ending: "reset", stream: true, label: "connection reset, streamed" },
  { ending: "close", stream: true, label: "normal close, streamed" },
];

/** One call in the answer at the deadline that should have finished, but is not said to have. */
function lostResults({ text }: Seen, plan: Plan): number {
  const succeeded = text.match(/"status":"succeeded"/g)?.length ?? 0;
  // A stream says it twice: when the call ends and in the run's own answer.
  return Math.max(0, plan.quickCalls - succeeded);
}

async function measureWay(
  world: World,
  place: Place,
  way: (typeof WAYS)[number],
  repeats: number,
): Promise<BenchRow[]> {
  const isDeadline = way.ending === "deadline";
  const plan: Plan = {
    ...way,
    calls: place.calls,
    quickCalls: isDeadline ? 1 : 0,
    afterMs: isDeadline ? DEADLINE_MS : null,
  };
  const seen: Seen[] = [];
  for (let index = 0; index < repeats; index += 1) seen.push(await carryOut(world, plan));
  const label = `${way.label}, ${place.calls} calls through ${place.name}, ${repeats} runs`;
  const aborts = seen.map((one) => one.lastAbortMs);
  const limit = way.ending === "close" ? HEARTBEAT_MS + MAX_ABORT_MS : MAX_ABORT_MS;
  const rows = [
    row(label, "last request aborted after, max", Math.max(...aborts), "ms", `<= ${limit}`),
    row(label, "last request aborted after, p99", quantile(aborts, 0.99), "ms"),
    row(label, "last request aborted after, p50", quantile(aborts, 0.5), "ms"),
  ];
  if (!isDeadline) return rows;
  const late = seen.map((one) => one.answerMs);
  const lost = seen.reduce((sum, one) => sum + lostResults(one, plan), 0);
  return [
    ...rows,
    row(label, "answer late, max", Math.max(...late), "ms", `<= ${MAX_ANSWER_LATE_MS}`),
    row(label, "finished results missing from the answer", lost, "results", "== 0"),
  ];
}

function pick<T>(list: readonly T[], random: () => number): T {
  const found = list[Math.floor(random() * list.length)];
  if (found === undefined) throw new Error("nothing to pick from");
  return found;
}

async function randomRuns(
  world: World,
  place: Place,
  runs: number,
  seed: number,
): Promise<BenchRow> {
  const random = seededRandom(seed);
  const plans = Array.from({ length: runs }, (): Plan => {
    const { ending, stream } = pick(WAYS, random);
    const calls = 1 + Math.floor(random() * place.calls);
    return { ending, stream, calls, quickCalls: 0, afterMs: 1 + Math.floor(random() * 150) };
  });
  await world.resetTraffic();
  await inParallel(runs, WIDTH, async (index) => {
    const plan = plans[index];
    if (plan !== undefined) await carryOutAmongOthers(world, plan);
  });
  await until(() => world.traffic().open === 0, HEARTBEAT_MS + 1000);
  return row(
    `${runs} random endings through ${place.name}`,
    "requests still open afterwards",
    world.traffic().open,
    "requests",
    "== 0",
  );
}

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const world = await openWorld();
  try {
    const rows: BenchRow[] = [];
    for (const place of PLACES) {
      for (const way of WAYS)
        rows.push(...(await measureWay(world, place, way, smoke ? 1 : REPEATS)));
      const runs = smoke ? RANDOM_RUNS / 100 : RANDOM_RUNS / PLACES.length;
      rows.push(await randomRuns(world, place, runs, seed));
    }
    return rows;
  } finally {
    await world.close();
  }
}

/** The benchmark of runs that end early. */
export const aborts: Bench = { name: "aborts", seed: 20_261_122, run };
