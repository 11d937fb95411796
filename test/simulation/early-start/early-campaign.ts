/**
 * Fuzzed turns, each held twice: with early start and without. Whatever was started early must have been allowed to, and
 * the model must read the same in both.
 */

import { Dice } from "../dice.ts";
import {
  EARLY_TOOLS,
  type EarlySetup,
  type EarlyStart,
  type EarlyTurn,
  earlyTurn,
} from "./early-turn.ts";
import { fuzzedStream } from "./fuzzed-stream.ts";

/** What a campaign saw. */
export interface EarlyTally {
  streams: number;
  /** Calls that were started, early or not. */
  starts: number;
  early: number;
  /** Early starts that became calls of the turn. */
  committed: number;
  /** Early starts that were taken back; the run counts them too. */
  wrong: number;
  /** Requests of those that were aborted before they had ended. */
  aborted: number;
  earlyWrites: number;
  /** Other early starts nobody may make: on a weak signal what the world can observe, counted or asked calls. */
  earlyForbidden: number;
  /** Runs that met `maxCalls` sooner, because a wrong start is a call that was made too. */
  limited: number;
  /** Other conversations that went on otherwise than without early start. */
  differing: number;
  /** Runs whose own count of early starts is not what was seen. */
  miscounted: number;
  leftOpen: number;
  readonly faults: string[];
}

const MAX_FAULTS = 20;

/** Holds `streams` fuzzed turns from seed `first` on. */
export async function earlyCampaign(
  first: number,
  streams: number,
  plant?: EarlySetup["plant"],
): Promise<EarlyTally> {
  const tally: EarlyTally = {
    streams: 0,
    starts: 0,
    early: 0,
    committed: 0,
    wrong: 0,
    aborted: 0,
    earlyWrites: 0,
    earlyForbidden: 0,
    limited: 0,
    differing: 0,
    miscounted: 0,
    leftOpen: 0,
    faults: [],
  };
  for (let seed = first; seed < first + streams; seed += 1) await hold(tally, seed, plant);
  return tally;
}

async function hold(tally: EarlyTally, seed: number, plant: EarlySetup["plant"]): Promise<void> {
  const chunks = fuzzedStream(seed, Object.keys(EARLY_TOOLS));
  const maxCalls = new Dice(seed, "bounds").pick([2, 3, 64, 64, 64]);
  const setup = { maxCalls, ...(plant !== undefined && { plant }) };
  const turn = await earlyTurn(seed, chunks, { ...setup, earlyStart: true });
  const calm = await earlyTurn(seed, chunks, { ...setup, earlyStart: false });
  const fault = (
    count: "earlyWrites" | "earlyForbidden" | "differing" | "miscounted" | "leftOpen",
    what: string,
  ) => {
    tally[count] += 1;
    if (tally.faults.length < MAX_FAULTS) tally.faults.push(`seed ${seed}: ${count}: ${what}`);
  };
  const early = turn.starts.filter(({ isMeant }) => !isMeant);
  for (const start of early) {
    const broken = whyNot(start);
    if (broken !== null) fault(broken, JSON.stringify(start));
  }
  const wrong = early.length - committedOf(turn, early);
  tally.streams += 1;
  tally.starts += turn.starts.length;
  tally.early += early.length;
  tally.committed += early.length - wrong;
  tally.wrong += wrong;
  tally.aborted += turn.aborted;
  if (calm.starts.some(({ isMeant }) => !isMeant)) fault("earlyForbidden", "early start was off");
  if (JSON.stringify(turn.asked) !== JSON.stringify(calm.asked)) {
    if (wrong > 0 && stoppedBy(turn) === "max_calls") tally.limited += 1;
    else fault("differing", JSON.stringify([turn.asked.at(-1), calm.asked.at(-1)]));
  }
  if (turn.open + calm.open > 0) fault("leftOpen", `${turn.open} and ${calm.open}`);
  if (turn.end?.type !== "finished") return;
  const { early_starts: starts = 0, early_cancelled: cancelled = 0 } = turn.end.summary;
  // The finish itself is a strong signal too: what starts on it counts for the run, and is not early here.
  if (starts < early.length || cancelled !== wrong)
    fault("miscounted", `says ${starts} and ${cancelled}, made ${early.length} and ${wrong}`);
}

function stoppedBy({ end }: EarlyTurn): string | null {
  return end?.type === "finished" ? (end.summary.stopped_by ?? null) : null;
}

/** What an early start breaks, or null. */
function whyNot({ call, isLast }: EarlyStart): "earlyWrites" | "earlyForbidden" | null {
  const truth = EARLY_TOOLS[call.tool] ?? { effect: "write" };
  if (truth.effect === "write" || truth.effect === "idempotent_write") return "earlyWrites";
  const isWeak = truth.observable === true && isLast;
  const isForbidden = isWeak || truth.isCounted === true || truth.approval !== undefined;
  return isForbidden ? "earlyForbidden" : null;
}

/** Early starts the run said afterwards: they became calls of the turn. */
function committedOf({ shown }: EarlyTurn, early: readonly EarlyStart[]): number {
  const left = shown.map(({ name, t_ms: atMs }) => `${name} ${atMs}`);
  return early.filter(({ call, atMs }) => {
    const place = left.indexOf(`${call.tool} ${atMs}`);
    if (place !== -1) left.splice(place, 1);
    return place !== -1;
  }).length;
}
