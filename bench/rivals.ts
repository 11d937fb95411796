/**
 * `npm run bench -- rivals`: the same plans, model and tools, once with the loop in a public framework and once in the gateway.
 *
 * What is compared is the mean time until all results are in: from the start of a run until the model is asked with
 * every result. Each plan is run by all contestants one after another, in an order that rotates, so the machine's mood
 * hits all alike. Every call of every contestant is held against the plan: a time counts only with the right calls.
 * The columns the figures come from are printed for all, whoever wins. The gateway is played plain and with second requests
 * beside slow ones, for which it has measured every tool before; with guesses, and with both, it first learns from every other
 * plan and is then compared on the rest. What any gateway could reach is computed beside. At last the frameworks are its clients.
 */

import { epochMs, inParallel, type Bench, type BenchOptions } from "./bench.ts";
import { row, type BenchRow } from "./report.ts";
import { LEAST_LIKELY, openArena, type Arena } from "./rivals/arena.ts";
import {
  BOTH,
  CLIENTS,
  CONTESTANTS,
  GUESSING,
  HEDGING,
  type Contestant,
} from "./rivals/contestants.ts";
import {
  foreseenRatio,
  freePlans,
  freeRatio,
  guessedRatio,
  guesses,
  hedgedRatio,
} from "./rivals/bound.ts";
import { bfclPlans, hasGoldData, nestfulPlans, type GoldPlan } from "./rivals/gold-plan.ts";
import { markText } from "./rivals/model-server.ts";
import {
  countCalls,
  emptyScore,
  meanSeconds,
  scoreRows,
  type Sample,
  type Score,
} from "./rivals/score.ts";

/** The played world is this much faster than the one it stands for. At 1, what a loop itself costs is weighed as it is. */
const SCALE = 1;
/** Where only is looked whether everything runs. */
const SMOKE_SCALE = 10;
/** Plans under way at once, so few that nobody waits for a processor. */
const WIDTH = 20;
/** Draws of the latencies. */
const DRAWS = 2;
/** Share of the calls that may be extra. */
const EXTRA = 0.1;
const SMOKE_PLANS = 4;

interface Match {
  readonly label: string;
  readonly plans: readonly GoldPlan[];
  /** Most that the gateway's mean may be of the best rival's. */
  readonly maxRatio: number;
  /** The same with guesses; null where they alone are not played. */
  readonly maxGuessingRatio: number | null;
  /** The same with guesses and hedges. */
  readonly maxBothRatio: number;
}

/** Plays every match and reports. */
async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  if (!hasGoldData()) {
    console.log("rivals: ../shared/data is not there; skipped");
    return [];
  }
  const rows: BenchRow[] = [];
  const scale = smoke ? SMOKE_SCALE : SCALE;
  for (const match of matches(smoke))
    rows.push(...(await play(match, { draws: smoke ? 1 : DRAWS, seed, scale })));
  return rows;
}

function matches(smoke: boolean): readonly Match[] {
  const nestful = nestfulPlans();
  const bfcl = bfclPlans();
  const some = (plans: readonly GoldPlan[]) => (smoke ? plans.slice(0, SMOKE_PLANS) : plans);
  return [
    {
      label: `NESTFUL, ${nestful.plans.length} of ${nestful.total} plans resolve`,
      plans: some(nestful.plans),
      maxRatio: 0.75,
      maxGuessingRatio: 0.72,
      maxBothRatio: 0.68,
    },
    {
      label: `BFCL parallel_multiple, ${bfcl.total} plans`,
      plans: some(bfcl.plans),
      maxRatio: 0.92,
      maxGuessingRatio: null,
      maxBothRatio: 0.85,
    },
  ];
}

async function play(
  match: Match,
  { draws, seed, scale }: { readonly draws: number; readonly seed: number; readonly scale: number },
): Promise<readonly BenchRow[]> {
  const { label, plans, maxRatio, maxGuessingRatio } = match;
  const guessing = maxGuessingRatio === null ? [BOTH] : [GUESSING, BOTH];
  const gateways = [HEDGING, ...guessing];
  const arena = await openArena(plans, scale, ["plain", "hedging", "guessing", "both"]);
  try {
    const everybody = [...CONTESTANTS, ...gateways, ...CLIENTS];
    for (const contestant of everybody) await warm(contestant, arena, plans);
    await arena.teach("hedging");
    const own = [...CONTESTANTS, HEDGING];
    const scores = await compare(own, arena, plans, { draws, seed, name: "own" });
    const asClients = await compare(CLIENTS, arena, plans, { draws: 1, seed, name: "client" });
    return [
      ...rowsOf(label, scores),
      ...rowsOf(label, asClients),
      ratio(label, "gateway ÷ best rival", scores, "plain", maxRatio),
      ratio(label, "gateway with hedges ÷ best rival", scores, "hedging"),
      ...bounds(label, plans, seedsOf(seed, draws)),
      ...(await playGuessing(match, arena, guessing, { draws, seed })),
    ];
  } finally {
    await arena.dispose();
  }
}

/** What a gateway could reach that costs nothing, against a rival that costs nothing. */
function bounds(
  label: string,
  plans: readonly GoldPlan[],
  seeds: readonly string[],
): readonly BenchRow[] {
  const free = freePlans(plans, seeds);
  const least = (how: string, value: number): BenchRow =>
    row(label, `the same if both cost nothing, ${how}`, value, "×");
  return [
    least("without hedges: the least there can be", freeRatio(free)),
    least("with the slowest tenth of the calls hedged", hedgedRatio(free, EXTRA)),
    least("with the best tenth foreseen and sent twice at once", foreseenRatio(free, EXTRA)),
  ];
}

/** One run of each warms connections, compiled code and the tenant's snapshot. */
async function warm(
  contestant: Contestant,
  arena: Arena,
  plans: readonly GoldPlan[],
): Promise<void> {
  for (const plan of plans.slice(0, 1)) await playOne(contestant, arena, plan, "warm");
}

/** Lets the gateways learn from the plans at even places, then compares them on those at odd places. */
async function playGuessing(
  { label, plans, maxGuessingRatio, maxBothRatio }: Match,
  arena: Arena,
  guessing: readonly Contestant[],
  { draws, seed }: { readonly draws: number; readonly seed: number },
): Promise<readonly BenchRow[]> {
  const learned = plans.filter((_, at) => at % 2 === 0);
  const judged = plans.filter((_, at) => at % 2 === 1);
  await compare(guessing, arena, learned, { draws: 1, seed, name: "learning" });
  await arena.teach("both");
  const contestants = [...CONTESTANTS, ...guessing];
  const scores = await compare(contestants, arena, judged, { draws, seed, name: "guessing" });
  const half = `${label}, every other one after learning from the rest`;
  const own = new Map([...scores].filter(([contestant]) => guessing.includes(contestant)));
  return [
    ...rowsOf(half, own),
    ...(maxGuessingRatio === null
      ? []
      : [ratio(half, "gateway with guesses ÷ best rival", scores, "guessing", maxGuessingRatio)]),
    ratio(half, "gateway with guesses and hedges ÷ best rival", scores, "both", maxBothRatio),
    ...bounds(half, judged, seedsOf(seed, draws)),
    row(
      half,
      "the same if both cost nothing, with our guesses, and hedges up to a tenth extra",
      guessedRatio(
        freePlans(judged, seedsOf(seed, draws)),
        guesses(learned, judged, LEAST_LIKELY),
        EXTRA,
      ),
      "×",
    ),
  ];
}

interface Round {
  readonly draws: number;
  readonly seed: number;
  /** Tells the runs of this comparison from those of others. */
  readonly name: string;
}

async function compare(
  contestants: readonly Contestant[],
  arena: Arena,
  plans: readonly GoldPlan[],
  { draws, seed, name }: Round,
): Promise<ReadonlyMap<Contestant, Score>> {
  const scores = new Map(contestants.map((contestant) => [contestant, emptyScore()]));
  for (let draw = 0; draw < draws; draw += 1) {
    arena.tools.setSeed(seedsOf(seed, draws)[draw] ?? "");
    for (const contestant of rotated(contestants, draw)) {
      const score = scores.get(contestant);
      if (score === undefined) continue;
      arena.tools.takeCalls();
      await inParallel(plans.length, WIDTH, async (index) => {
        const plan = plans[index];
        if (plan === undefined) return;
        const sample = await playOne(contestant, arena, plan, `${name}-${draw}-${index}`);
        if (sample === null) score.unfinished += 1;
        else score.samples.push(sample);
      });
      countCalls(score, plans, arena.tools.takeCalls());
    }
  }
  return scores;
}

/** One text a draw: the tools' times depend on it. */
function seedsOf(seed: number, draws: number): readonly string[] {
  return Array.from({ length: draws }, (_, draw) => `${seed}-${draw}`);
}

function rotated(contestants: readonly Contestant[], by: number): readonly Contestant[] {
  const at = by % contestants.length;
  return [...contestants.slice(at), ...contestants.slice(0, at)];
}

/** Plays one plan; null when the model was never asked with all its results. */
async function playOne(
  contestant: Contestant,
  arena: Arena,
  plan: GoldPlan,
  mark: string,
): Promise<Sample | null> {
  const name = `${contestant.name}:${plan.id}:${mark}`;
  arena.model.expect(name, plan);
  const startedAtMs = epochMs();
  const words = { system: markText(name), prompt: plan.prompt };
  const end = await contestant.play(arena.seat(contestant, plan), plan, words);
  const record = arena.model.record(name);
  if (record?.resultsInAtMs === null || record === null) {
    console.error(`${name} never brought all results: ${JSON.stringify({ record, end })}`);
    return null;
  }
  return { record, seconds: ((record.resultsInAtMs - startedAtMs) * arena.scale) / 1000 };
}

/** Who may make calls that no plan has, or one twice. */
const EXTRA_ROLES: readonly Contestant["role"][] = ["guessing", "hedging", "both"];

function rowsOf(label: string, scores: ReadonlyMap<Contestant, Score>): readonly BenchRow[] {
  return [...scores].flatMap(([{ name, role }, score]) =>
    scoreRows(label, name, score, EXTRA_ROLES.includes(role)),
  );
}

/** The mean of the gateway over that of the fastest framework, on the same plans. */
function ratio(
  label: string,
  metric: string,
  scores: ReadonlyMap<Contestant, Score>,
  role: Contestant["role"],
  maxRatio: number | null = null,
): BenchRow {
  const means = (wanted: Contestant["role"]): readonly number[] =>
    [...scores].filter(([contestant]) => contestant.role === wanted).map(([, s]) => meanSeconds(s));
  const value = Math.min(...means(role)) / Math.min(...means("rival"));
  return row(label, metric, value, "×", maxRatio === null ? undefined : `<= ${maxRatio}`);
}

/** The comparison with public frameworks. */
export const rivals: Bench = { name: "rivals", seed: 20_261_122, run };
