/**
 * `npm run bench -- gate-kills`: the built gateway is killed (SIGKILL) at random moments of concurrent admissions, again and again
 * on the same state: on a limit that is decided one by one, on one that is lent to isolates, and on breakers.
 *
 * Whatever was told to be admitted must still be charged after a restart, and never more may be admitted than burst + rate ×
 * elapsed; a breaker that was said to be open must be open. A twin that answers before it writes goes through the same; were it not caught, the campaign would prove nothing.
 */

import { pause, until, type Bench, type BenchOptions } from "./bench.ts";
import { type GateUnderFire, type KilledLimit, KillLedger } from "./gate-kills/kill-ledger.ts";
import { openRealGate } from "./gate-kills/real-gate.ts";
import { openUnsafeTwin } from "./gate-kills/unsafe-twin.ts";
import { row, type BenchRow } from "./report.ts";
import { seededRandom } from "./statistics.ts";

const KILLS = 100;
const SMOKE_KILLS = 1;
const TWIN_KILLS = 10;
const SMOKE_TWIN_KILLS = 1;
/** A runtime that was just started takes a while to answer. */
const BEGIN_MS = 10_000;
/** A kill comes within this after the first answers. */
const KILL_WITHIN_MS = 400;
/** Requests under way at once, for each limit. */
const WIDTH = 8;
/** Less than is asked for between two kills, so that the exact limit is met before the campaign is over. */
const EXACT_PER_KILL = 12;
/** After a refusal a client waits a moment, or it would do nothing but ask. */
const REFUSED_PAUSE_MS = 10;

async function campaign(
  gate: GateUnderFire,
  kills: number,
  seed: number,
): Promise<ReadonlyMap<KilledLimit, KillLedger>> {
  const random = seededRandom(seed);
  const startMs = performance.now();
  const ledgers = new Map(gate.limits.map((limit) => [limit, new KillLedger(limit, startMs)]));
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      const round = { isOver: false };
      const clients = [...ledgers].flatMap(([limit, ledger]) =>
        Array.from({ length: WIDTH }, () => askOn(gate, limit, ledger, round)),
      );
      const before = [...ledgers.values()].map(({ answered }) => answered);
      const hasBegun = () =>
        [...ledgers.values()].every(({ answered }, n) => answered > (before[n] ?? 0));
      await until(hasBegun, BEGIN_MS);
      const isWatched = await gate.breakers?.open();
      await pause(random() * KILL_WITHIN_MS);
      round.isOver = true;
      gate.kill();
      await Promise.all(clients);
      await gate.restart();
      if (isWatched === true) await gate.breakers?.look();
      for (const [limit, ledger] of ledgers) {
        const left = await gate.left(limit);
        if (left !== null) ledger.look(left, performance.now());
      }
    }
    return ledgers;
  } finally {
    await gate.close();
  }
}

async function askOn(
  gate: GateUnderFire,
  limit: KilledLimit,
  ledger: KillLedger,
  round: { readonly isOver: boolean },
): Promise<void> {
  while (!round.isOver) {
    const answer = await gate.take(limit);
    if (answer === "passed") ledger.ack(performance.now());
    if (answer !== "refused") continue;
    ledger.refuse();
    await pause(REFUSED_PAUSE_MS);
  }
}

function watched({ breakers }: GateUnderFire, kills: number): readonly BenchRow[] {
  const subject = `${kills} kills, breakers`;
  return [
    row(subject, "open, and told so", breakers?.told ?? 0, "breakers", `>= ${2 * kills}`),
    row(subject, "forgotten", breakers?.lost ?? Number.NaN, "breakers", "== 0"),
  ];
}

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const kills = smoke ? SMOKE_KILLS : KILLS;
  const startedMs = performance.now();
  const gate = await openRealGate(EXACT_PER_KILL * kills);
  const ledgers = await campaign(gate, kills, seed);
  const seconds = (performance.now() - startedMs) / 1000;
  const rows = [...ledgers].flatMap(([{ name }, ledger]) => {
    const subject = `${kills} kills, ${name} limit`;
    return [
      row(subject, "acknowledged debits lost", ledger.lost, "requests", "== 0"),
      row(
        subject,
        "admitted beyond burst + rate × elapsed",
        ledger.overGranted,
        "requests",
        "== 0",
      ),
      row(subject, "admitted", ledger.passed, "requests", ">= 1"),
      row(subject, "refused", ledger.refused, "requests", smoke ? undefined : ">= 1"),
    ];
  });
  const twinKills = smoke ? SMOKE_TWIN_KILLS : TWIN_KILLS;
  const twin = await campaign(await openUnsafeTwin(100_000), twinKills, seed);
  const lost = [...twin.values()].reduce((sum, ledger) => sum + ledger.lost, 0);
  return [
    ...rows,
    ...watched(gate, kills),
    row(`${kills} kills`, "kills", kills, "kills", smoke ? undefined : `>= ${KILLS}`),
    row(`${kills} kills`, "time a kill", seconds / kills, "s"),
    row(
      `control: ${twinKills} kills of a twin that answers before it writes`,
      "acknowledged debits lost",
      lost,
      "requests",
      ">= 1",
    ),
  ];
}

/** The kills of the gate. */
export const gateKills: Bench = { name: "gate-kills", seed: 20_261_123, run };
