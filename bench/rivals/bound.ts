/**
 * What no gateway can beat without guessing: every call sent the moment its last token is written, at no cost, against a rival
 * that costs nothing either and sends its calls when the turn is over. Only for plans whose calls need no results.
 */

import type { GoldPlan } from "./gold-plan.ts";
import { canonical, toolSeconds, WORLD } from "./latency.ts";

/** Mean time until all results are in, the free gateway's over the free rival's, on the latencies of these draws. */
export function bestRatio(plans: readonly GoldPlan[], seeds: readonly string[]): number {
  let gateway = 0;
  let rival = 0;
  for (const seed of seeds) {
    for (const plan of plans) {
      const times = played(plan, seed);
      gateway += times.gateway;
      rival += times.rival;
    }
  }
  return gateway / rival;
}

function played({ calls }: GoldPlan, seed: string): { gateway: number; rival: number } {
  let tokens = 0;
  let slowest = 0;
  let gateway = 0;
  let closedS = 0;
  for (const { tool, literals } of calls) {
    // The head of a call is a token of its own; the first token of the turn is written at `firstTokenS`.
    tokens += 1 + Math.ceil(JSON.stringify(literals).length / WORLD.charactersPerToken);
    closedS = WORLD.firstTokenS + (tokens - 1) / WORLD.tokensPerSecond;
    const tookS = toolSeconds(seed, tool, canonical(literals));
    slowest = Math.max(slowest, tookS);
    gateway = Math.max(gateway, closedS + tookS);
  }
  return { gateway, rival: closedS + slowest };
}
