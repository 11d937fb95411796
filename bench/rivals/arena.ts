/**
 * Where a match is played: the model, the tools, and a gateway with tenants that hold the tools of the plans, so many that
 * none has more tools than a tenant may. The tools only read, which is what lets the gateway start them early.
 */

import { startGateway } from "../../dev/gateway.ts";
import { textOf } from "../../dev/http/json.ts";
import {
  bootstrapOperator,
  createTenantForTests,
  type GatewayCall,
  type ReadyTenant,
} from "../../dev/provision.ts";
import { inParallel } from "../bench.ts";
import type { Contestant, GatewayKind, Seat } from "./contestants.ts";
import type { GoldPlan } from "./gold-plan.ts";
import { startPlayingModel, type PlayingModel } from "./model-server.ts";
import { startPlayedTools, type PlayedTools } from "./tool-server.ts";

const PLANS_A_TENANT = 50;

/** The frameworks wait for a tool as long as it takes; so does the gateway. */
const PATIENCE_MS = 60_000;

/** Wrong guesses allowed, as a share of the calls of the model, and the least probability of a guess. */
const GUESSING = { enabled: true, budget: 0.1, confidence_threshold: 0.3 } as const;
/** Least probability of a guess beside hedges, which gain more for an extra call than a guess that is probably wrong. */
export const LEAST_LIKELY = 0.35;
const SURER_GUESSING = { ...GUESSING, confidence_threshold: LEAST_LIKELY } as const;

/** Second requests: nearly a tenth of the calls, or with guesses so many that both together are. */
const HEDGING = { enabled: true, quantile: 0.9, budget: 0.12 } as const;
const FEWER_HEDGES = { ...HEDGING, budget: 0.07 } as const;

/** Where what is compared is the loop alone. */
const UNHEDGED = { enabled: false } as const;

const POLICIES: Readonly<Record<GatewayKind, object>> = {
  plain: { resilience: { hedge: UNHEDGED } },
  guessing: { resilience: { hedge: UNHEDGED }, runs: { speculation: GUESSING } },
  hedging: { resilience: { hedge: HEDGING } },
  both: { resilience: { hedge: FEWER_HEDGES }, runs: { speculation: SURER_GUESSING } },
};

/** Calls of each tool before a match with hedges: only a tool that was measured is hedged. */
const LESSONS = 40;
/** Calls of a run of lessons, the most at once in it, and such runs at once. */
const LESSONS_A_RUN = 50;
const LESSONS_AT_ONCE = 5;
const RUNS_AT_ONCE = 20;

/** One match's servers. */
export interface Arena {
  /** What all its times are divided by. */
  readonly scale: number;
  readonly model: PlayingModel;
  readonly tools: PlayedTools;
  /** Whom a contestant talks to for a plan. */
  readonly seat: (contestant: Contestant, plan: GoldPlan) => Seat;
  /** Lets a gateway measure every tool that the plans call, as one that has been up for a while has. */
  readonly teach: (kind: GatewayKind) => Promise<void>;
  readonly dispose: () => Promise<void>;
}

/** Starts everything a match needs; `scale` divides all times. */
export async function openArena(
  plans: readonly GoldPlan[],
  scale: number,
  kinds: readonly GatewayKind[],
): Promise<Arena> {
  const known = new Map(plans.flatMap((plan) => plan.tools.map((tool) => [tool.name, tool])));
  const outputs = new Map([...known].map(([name, tool]) => [name, tool.outputs]));
  const model = await startPlayingModel(scale);
  const tools = await startPlayedTools(scale, outputs);
  const gateway = await startGateway({});
  const dispose = async (): Promise<void> => {
    await gateway.dispose();
    await Promise.all([model.close(), tools.close()]);
  };
  try {
    const operatorKey = await bootstrapOperator(gateway.baseUrl, gateway.secrets.BOOTSTRAP_SECRET);
    const create = (setup: object): Promise<ReadyTenant> =>
      createTenantForTests(gateway.baseUrl, operatorKey, { name: "rivals", ...setup });
    const classes = new Map<GatewayKind, readonly TenantOfPlans[]>();
    for (const kind of kinds)
      classes.set(kind, await openTenants(create, plans, { model, tools, kind }));
    const keyOf = (kind: GatewayKind, plan: GoldPlan): string =>
      classes.get(kind)?.find((tenant) => tenant.plans.includes(plan))?.apiKey ?? "";
    const seat = ({ role }: Contestant, plan: GoldPlan): Seat => {
      if (role === "rival")
        return { baseUrl: `${model.url}/v1`, apiKey: "none", headers: {}, toolsUrl: tools.url };
      return {
        baseUrl: `${gateway.baseUrl}/v1`,
        apiKey: keyOf(role === "client" ? "plain" : role, plan),
        headers: { "x-gw-tools": plan.tools.map(({ name }) => name).join(",") },
        toolsUrl: null,
      };
    };
    const teach = async (kind: GatewayKind): Promise<void> => {
      tools.setSeed("lessons");
      for (const tenant of classes.get(kind) ?? []) await teachTenant(tenant);
      tools.takeCalls();
    };
    return { scale, model, tools, seat, teach, dispose };
  } catch (cause) {
    await dispose();
    throw cause;
  }
}

interface TenantWorld {
  readonly model: PlayingModel;
  readonly tools: PlayedTools;
  readonly kind: GatewayKind;
}

/** A tenant and the plans that are played by it. */
interface TenantOfPlans {
  readonly apiKey: string;
  readonly call: GatewayCall;
  readonly plans: readonly GoldPlan[];
}

/** Tenants for all plans. */
async function openTenants(
  create: (setup: object) => Promise<ReadyTenant>,
  plans: readonly GoldPlan[],
  { model, tools, kind }: TenantWorld,
): Promise<readonly TenantOfPlans[]> {
  const tenants: TenantOfPlans[] = [];
  for (let at = 0; at < plans.length; at += PLANS_A_TENANT) {
    const group = plans.slice(at, at + PLANS_A_TENANT);
    const known = new Map(group.flatMap((plan) => plan.tools.map((tool) => [tool.name, tool])));
    const definitions = [...known].map(([name, { description, input }]) => {
      const http = { method: "POST", url: `${tools.url}/${name}` };
      const timeout_ms = PATIENCE_MS;
      return [name, { description, input, effect: "read", timeout_ms, http }] as const;
    });
    const { apiKey, call } = await create({
      modelBaseUrl: `${model.url}/v1`,
      tools: Object.fromEntries(definitions),
      policy: { limits: { requests: [{ limit: 1_000_000, window_s: 1 }] }, ...POLICIES[kind] },
    });
    tenants.push({ apiKey, call, plans: group });
  }
  return tenants;
}

/** Calls every tool of a tenant's plans `LESSONS` times, with arguments of no plan. */
async function teachTenant({ plans, call }: TenantOfPlans): Promise<void> {
  const names = new Set(plans.flatMap(({ calls }) => calls.map(({ tool }) => tool)));
  // Round by round, so that a tool is hardly ever asked twice at once.
  const lessons = Array.from({ length: LESSONS }, (_, lesson) =>
    [...names].map((tool) => ({ tool, arguments: { lesson } })),
  ).flat();
  const runs = Math.ceil(lessons.length / LESSONS_A_RUN);
  await inParallel(runs, RUNS_AT_ONCE, async (run) => {
    const calls = lessons.slice(run * LESSONS_A_RUN, (run + 1) * LESSONS_A_RUN);
    const answer = await call("POST", "/v1/runs", { calls, max_parallel: LESSONS_AT_ONCE });
    const status = textOf(answer, "status");
    if (status !== "completed") throw new Error(`a run of lessons was ${status ?? "no run"}`);
  });
}
