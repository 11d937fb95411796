/**
 * `npm run bench -- rivals`: the same plans, model and tools, once with the loop in a public framework and once in the gateway.
 *
 * What is compared is the mean time until all results are in: from the start of a run until the model is asked with
 * every result. Each plan is run by all contestants one after another, in an order that rotates, so the machine's mood
 * hits all alike. Every call of every contestant is held against the plan: a time counts only with the right calls.
 * The columns the figures come from are printed for all, whoever wins.
 */

import { startGateway, type Gateway } from "../dev/gateway.ts";
import { bootstrapOperator, createTenantForTests } from "../dev/provision.ts";
import { epochMs, inParallel, type Bench, type BenchOptions } from "./bench.ts";
import { row, type BenchRow } from "./report.ts";
import { CONTESTANTS, type Arena, type Contestant } from "./rivals/contestants.ts";
import { bfclPlans, hasGoldData, nestfulPlans, type GoldPlan } from "./rivals/gold-plan.ts";
import { toolAnswer, canonical } from "./rivals/latency.ts";
import {
  markText,
  startPlayingModel,
  type PlayingModel,
  type RunRecord,
} from "./rivals/model-server.ts";
import { noteOf, startPlayedTools, type PlayedTools } from "./rivals/tool-server.ts";
import { mean, quantile } from "./statistics.ts";

/** The played world is this much faster than the one it stands for; all ratios stay. */
const SCALE = 5;
/** Plans under way at once. */
const WIDTH = 4;
/** Draws of the latencies. */
const DRAWS = 2;
const SMOKE_PLANS = 3;
const PLANS_A_TENANT = 50;

interface Match {
  readonly label: string;
  readonly plans: readonly GoldPlan[];
  /** Most that the gateway's mean may be of the best rival's. */
  readonly maxRatio: number;
}

interface Sample {
  readonly seconds: number;
  readonly record: RunRecord;
}

/** Starts the servers, plays every match and reports. */
async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  if (!hasGoldData()) {
    console.log("rivals: ../shared/data is not there; skipped");
    return [];
  }
  const rows: BenchRow[] = [];
  for (const match of matches(smoke)) rows.push(...(await play(match, smoke ? 1 : DRAWS, seed)));
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
    },
    {
      label: `BFCL parallel_multiple, ${bfcl.total} plans`,
      plans: some(bfcl.plans),
      maxRatio: 0.92,
    },
  ];
}

async function play(match: Match, draws: number, seed: number): Promise<readonly BenchRow[]> {
  const tools = new Map(match.plans.flatMap((plan) => plan.tools.map((tool) => [tool.name, tool])));
  const outputs = new Map([...tools].map(([name, tool]) => [name, tool.outputs]));
  const model = await startPlayingModel(SCALE);
  const toolServer = await startPlayedTools(SCALE, outputs);
  const gateway = await startGateway({});
  try {
    const arena = await openArena(gateway, model, toolServer, match);
    const samples = new Map<string, Sample[]>(CONTESTANTS.map(({ name }) => [name, []]));
    // One run of each warms connections, compiled code and the tenant's snapshot.
    for (const contestant of CONTESTANTS)
      await playOne(contestant, arena, model, match.plans[0], "warm");
    const wrong = new Map<string, number>(CONTESTANTS.map(({ name }) => [name, 0]));
    for (let draw = 0; draw < draws; draw += 1) {
      toolServer.setSeed(`${seed}-${draw}`);
      for (const [turn, contestant] of rotated(draw).entries()) {
        toolServer.takeCalls();
        await inParallel(match.plans.length, WIDTH, async (index) => {
          const mark = `${draw}-${turn}-${index}`;
          const sample = await playOne(contestant, arena, model, match.plans[index], mark);
          samples.get(contestant.name)?.push(sample);
        });
        const faults = differences(expectedCalls(match.plans), toolServer.takeCalls());
        wrong.set(contestant.name, (wrong.get(contestant.name) ?? 0) + faults);
      }
    }
    return report(match, samples, wrong);
  } finally {
    await gateway.dispose();
    await Promise.all([model.close(), toolServer.close()]);
  }
}

function rotated(by: number): readonly Contestant[] {
  const at = by % CONTESTANTS.length;
  return [...CONTESTANTS.slice(at), ...CONTESTANTS.slice(0, at)];
}

async function playOne(
  contestant: Contestant,
  arena: Arena,
  model: PlayingModel,
  plan: GoldPlan | undefined,
  mark: string,
): Promise<Sample> {
  if (plan === undefined) throw new Error("there is no plan to play");
  const name = `${contestant.name}:${plan.id}:${mark}`;
  model.expect(name, plan);
  const startedAtMs = epochMs();
  await contestant.run(arena, plan, `${plan.prompt} ${markText(name)}`);
  const record = model.record(name);
  if (record?.resultsInAtMs === null || record === null)
    throw new Error(`${contestant.name} never brought all results of ${plan.id}`);
  return { record, seconds: ((record.resultsInAtMs - startedAtMs) * SCALE) / 1000 };
}

/** The calls of all plans with every reference resolved, as the tool server notes them. */
function expectedCalls(plans: readonly GoldPlan[]): readonly string[] {
  return plans.flatMap((plan) => {
    const results = new Map<string, Record<string, string>>();
    const outputs = new Map(plan.tools.map((tool) => [tool.name, tool.outputs]));
    return plan.calls.map((call) => {
      const resolved = Object.entries(call.references).map(([name, { label, path }]) => {
        const [member] = path;
        const result = results.get(label) ?? {};
        return [name, member === undefined ? result : result[member]];
      });
      const values = { ...call.literals, ...Object.fromEntries(resolved) };
      results.set(
        call.label,
        toolAnswer(call.tool, canonical(values), outputs.get(call.tool) ?? []),
      );
      return noteOf(call.tool, values);
    });
  });
}

/** Calls that are missing or too many. */
function differences(expected: readonly string[], seen: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const note of expected) counts.set(note, (counts.get(note) ?? 0) + 1);
  for (const note of seen) counts.set(note, (counts.get(note) ?? 0) - 1);
  return [...counts.values()].reduce((sum, count) => sum + Math.abs(count), 0);
}

function report(
  match: Match,
  samples: ReadonlyMap<string, readonly Sample[]>,
  wrong: ReadonlyMap<string, number>,
): readonly BenchRow[] {
  const rows: BenchRow[] = [];
  const means = new Map<string, number>();
  for (const { name } of CONTESTANTS) {
    const own = samples.get(name) ?? [];
    const seconds = own.map((sample) => sample.seconds);
    const average = (pick: (record: RunRecord) => number) =>
      mean(own.map(({ record }) => pick(record)));
    means.set(name, mean(seconds));
    rows.push(
      row(match.label, `${name}: mean time until all results are in`, mean(seconds), "s"),
      row(match.label, `${name}: p95`, quantile(seconds, 0.95), "s"),
      row(
        match.label,
        `${name}: model turns`,
        average(({ turns }) => turns),
        "turns",
      ),
      row(
        match.label,
        `${name}: calls the model wrote`,
        average(({ calls }) => calls),
        "calls",
      ),
      row(
        match.label,
        `${name}: tokens read`,
        average(({ tokens }) => tokens.in),
        "tokens",
      ),
      row(
        match.label,
        `${name}: tokens written`,
        average(({ tokens }) => tokens.out),
        "tokens",
      ),
      row(
        match.label,
        `${name}: calls missing, extra or wrong`,
        wrong.get(name) ?? 0,
        "calls",
        "== 0",
      ),
    );
  }
  const best = Math.min(
    ...CONTESTANTS.filter(({ isRival }) => isRival).map(({ name }) => means.get(name) ?? Infinity),
  );
  const own = means.get(CONTESTANTS.find(({ isRival }) => !isRival)?.name ?? "") ?? Infinity;
  rows.push(row(match.label, "gateway ÷ best rival", own / best, "×", `<= ${match.maxRatio}`));
  return rows;
}

/**
 * Tenants with the tools of the match, so many that none has more tools than a tenant may. The tools only read, which is what
 * lets the gateway start them early.
 */
async function openArena(
  gateway: Gateway,
  model: PlayingModel,
  tools: PlayedTools,
  { plans }: Match,
): Promise<Arena> {
  const operatorKey = await bootstrapOperator(gateway.baseUrl, gateway.secrets.BOOTSTRAP_SECRET);
  const keys = new Map<string, string>();
  for (let at = 0; at < plans.length; at += PLANS_A_TENANT) {
    const group = plans.slice(at, at + PLANS_A_TENANT);
    const known = new Map(group.flatMap((plan) => plan.tools.map((tool) => [tool.name, tool])));
    const definitions = [...known].map(([name, { description, input }]) => {
      const http = { method: "POST", url: `${tools.url}/${name}` };
      return [name, { description, input, effect: "read", http }] as const;
    });
    const { apiKey } = await createTenantForTests(gateway.baseUrl, operatorKey, {
      name: "rivals",
      modelBaseUrl: `${model.url}/v1`,
      tools: Object.fromEntries(definitions),
      policy: { limits: { requests: [{ limit: 1_000_000, window_s: 1 }] } },
    });
    for (const { id } of group) keys.set(id, apiKey);
  }
  return {
    modelUrl: `${model.url}/v1`,
    toolsUrl: tools.url,
    gatewayUrl: `${gateway.baseUrl}/v1`,
    gatewayKey: ({ id }) => keys.get(id) ?? "",
  };
}

/** The comparison with public frameworks. */
export const rivals: Bench = { name: "rivals", seed: 20_261_122, run };
