/**
 * Where a match is played: the model, the tools, and a gateway with tenants that hold the tools of the plans, so many that
 * none has more tools than a tenant may. The tools only read, which is what lets the gateway start them early.
 */

import { startGateway } from "../../dev/gateway.ts";
import { bootstrapOperator, createTenantForTests } from "../../dev/provision.ts";
import type { Contestant, Seat } from "./contestants.ts";
import type { GoldPlan } from "./gold-plan.ts";
import { startPlayingModel, type PlayingModel } from "./model-server.ts";
import { startPlayedTools, type PlayedTools } from "./tool-server.ts";

const PLANS_A_TENANT = 50;

/** The frameworks wait for a tool as long as it takes; so does the gateway. */
const PATIENCE_MS = 60_000;

/** Wrong guesses allowed, as a share of the calls of the model, and the least probability of a guess. */
const GUESSING_POLICY = { enabled: true, budget: 0.1, confidence_threshold: 0.2 } as const;

/** What is compared is the loop: second requests beside slow ones are measured by `npm run bench -- hedge`. */
const UNHEDGED = { resilience: { hedge: { enabled: false } } } as const;

/** One match's servers. */
export interface Arena {
  /** What all its times are divided by. */
  readonly scale: number;
  readonly model: PlayingModel;
  readonly tools: PlayedTools;
  /** Whom a contestant talks to for a plan. */
  readonly seat: (contestant: Contestant, plan: GoldPlan) => Seat;
  readonly dispose: () => Promise<void>;
}

/** Starts everything a match needs; `scale` divides all times. */
export async function openArena(plans: readonly GoldPlan[], scale: number): Promise<Arena> {
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
    const open = (runs: object): Promise<ReadonlyMap<string, string>> =>
      openTenants(gateway.baseUrl, operatorKey, plans, { model, tools, runs });
    const plain = await open({});
    const guessing = await open({ speculation: GUESSING_POLICY });
    const seat = ({ role }: Contestant, plan: GoldPlan): Seat => {
      if (role === "rival")
        return { baseUrl: `${model.url}/v1`, apiKey: "none", headers: {}, toolsUrl: tools.url };
      return {
        baseUrl: `${gateway.baseUrl}/v1`,
        apiKey: (role === "guessing" ? guessing : plain).get(plan.id) ?? "",
        headers: { "x-gw-tools": plan.tools.map(({ name }) => name).join(",") },
        toolsUrl: null,
      };
    };
    return { scale, model, tools, seat, dispose };
  } catch (cause) {
    await dispose();
    throw cause;
  }
}

interface TenantWorld {
  readonly model: PlayingModel;
  readonly tools: PlayedTools;
  /** Of the policy. */
  readonly runs: object;
}

/** Tenants for all plans; answers the key of each plan's tenant by the plan's id. */
async function openTenants(
  baseUrl: string,
  operatorKey: string,
  plans: readonly GoldPlan[],
  { model, tools, runs }: TenantWorld,
): Promise<ReadonlyMap<string, string>> {
  const keys = new Map<string, string>();
  for (let at = 0; at < plans.length; at += PLANS_A_TENANT) {
    const group = plans.slice(at, at + PLANS_A_TENANT);
    const known = new Map(group.flatMap((plan) => plan.tools.map((tool) => [tool.name, tool])));
    const definitions = [...known].map(([name, { description, input }]) => {
      const http = { method: "POST", url: `${tools.url}/${name}` };
      const timeout_ms = PATIENCE_MS;
      return [name, { description, input, effect: "read", timeout_ms, http }] as const;
    });
    const { apiKey } = await createTenantForTests(baseUrl, operatorKey, {
      name: "rivals",
      modelBaseUrl: `${model.url}/v1`,
      tools: Object.fromEntries(definitions),
      policy: { limits: { requests: [{ limit: 1_000_000, window_s: 1 }] }, runs, ...UNHEDGED },
    });
    for (const { id } of group) keys.set(id, apiKey);
  }
  return keys;
}
