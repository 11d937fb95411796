/**
 * `npm run bench -- crash`: the runtime is killed (SIGKILL) at random moments of runs with parallel reads, idempotent
 * writes and writes, again and again on the same state, while a ledger that survives counts what really happened.
 *
 * After the last kill every run must end, no write may have happened twice, nothing that was said to be finished may be
 * lost, whatever may have happened must be said, and readers that came back with their last event id must have read every
 * event once. The same campaign with journalling switched off must fail; otherwise it would prove nothing.
 */

import { inParallel, pause, until, type Bench, type BenchOptions } from "./bench.ts";
import { newTally, startChat, startRun, type Subject, type Tally } from "./crash/runs.ts";
import { openCrashWorld } from "./crash/world.ts";
import { row, type BenchRow } from "./report.ts";
import { seededRandom } from "./statistics.ts";

const KILLS = 200;
const SMOKE_KILLS = 3;
/** Kills of the control: enough that a write is under way at one of them. */
const CONTROL_KILLS = 10;
const SMOKE_CONTROL_KILLS = 4;
/** Background runs started before each kill; every other one has a reader. */
const RUNS_A_KILL = 2;
/** A chat is started before every so many kills. */
const CHAT_EVERY = 3;
/** A kill comes at a random moment within this, counted from when the newest runs were taken on. */
const KILL_WITHIN_MS = 500;
/**
 * Runs and chats whose clients still wait when the next ones are started. More would only prove that a runtime that lives
 * for a second at a time cannot carry out hundreds of runs at once.
 */
const MAX_UNSETTLED = 6;
/** How long they may take to become so few; later the campaign goes on and says what did not end. */
const SETTLE_MS = 120_000;
/** Share of kills that do not wait for that: they may come while a run is being taken on. */
const EARLY_KILLS = 0.2;
/** Runs judged at once in the end. */
const WIDTH = 8;

async function campaign(kills: number, seed: number, journalling: boolean): Promise<Tally> {
  const random = seededRandom(seed);
  const world = await openCrashWorld(journalling);
  const subjects: Subject[] = [];
  let unsettled = 0;
  const add = (subject: Subject): void => {
    subjects.push(subject);
    unsettled += 1;
    void subject.settled.finally(() => {
      unsettled -= 1;
    });
  };
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      await until(() => unsettled <= MAX_UNSETTLED, SETTLE_MS, 10);
      for (let n = 0; n < RUNS_A_KILL; n += 1)
        add(startRun(world, `run-${kill}-${n}`, random, n % 2 === 0));
      if (kill % CHAT_EVERY === 0) add(startChat(world, `chat-${kill}`, random));
      const isEarly = random() < EARLY_KILLS;
      const newest = subjects.slice(-RUNS_A_KILL - 1).map(({ started }) => started);
      if (!isEarly) await Promise.all(newest);
      await pause(random() * KILL_WITHIN_MS);
      world.kill();
      await world.restart();
    }
    const tally = newTally();
    await inParallel(subjects.length, WIDTH, async (index) => subjects[index]?.judge(tally));
    return tally;
  } finally {
    await world.close();
  }
}

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const kills = smoke ? SMOKE_KILLS : KILLS;
  const startedAt = performance.now();
  const tally = await campaign(kills, seed, true);
  const seconds = (performance.now() - startedAt) / 1000;
  const label = `${kills} kills`;
  const rows = [
    row(label, "kills", kills, "kills", smoke ? undefined : `>= ${KILLS}`),
    row(label, "runs", tally.runs, "runs"),
    row(label, "runs that did not end", tally.notEnded, "runs", "== 0"),
    row(label, "calls", tally.calls, "calls"),
    row(label, "duplicate writes", tally.duplicates, "writes", "== 0"),
    row(label, "finished results lost", tally.lost, "results", "== 0"),
    row(label, "reads that did not succeed", tally.failedReads, "calls", "== 0"),
    row(label, "unknown outcomes not reported", tally.unreported, "writes", "== 0"),
    row(label, "unknown outcomes reported", tally.unknown, "writes"),
    row(label, "idempotent writes sent again", tally.sentAgain, "requests"),
    row(label, "event streams with a gap or a repetition", tally.brokenStreams, "streams", "== 0"),
    row(label, "time a kill", seconds / kills, "s"),
  ];
  const controlKills = smoke ? SMOKE_CONTROL_KILLS : CONTROL_KILLS;
  const control = await campaign(controlKills, seed, false);
  return [
    ...rows,
    row(
      `control: ${controlKills} kills with journalling off`,
      "duplicate writes",
      control.duplicates,
      "writes",
      ">= 1",
    ),
  ];
}

/** The crash campaign. */
export const crash: Bench = { name: "crash", seed: 20_261_122, run };
