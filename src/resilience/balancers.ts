/** The balancers of this isolate, by tenant and by what is balanced: a model upstream or a tool. Losing one costs a few answers. */

import { BoundedMap } from "../platform/bounded-map.ts";
import { Balancer } from "./balancer.ts";

/** Balancers at once; each takes a few kilobytes once it has several targets. */
export const MAX_BALANCERS = 1_000;

/** One that was not used for so long is forgotten. */
const FORGOTTEN_AFTER_MS = 3_600_000;

const balancers = new BoundedMap<string, Balancer>(MAX_BALANCERS);

/** For what has a single target: it never has to choose, so it knows nothing of anybody. */
const ONLY = new Balancer();

/** Who chooses between `targets` targets of `group` of a tenant. */
export function balancerOf(
  tenantId: string,
  group: string,
  targets: number,
  nowMs: number,
): Balancer {
  if (targets === 1) return ONLY;
  const key = `${tenantId}/${group}`;
  const balancer = balancers.get(key, nowMs) ?? new Balancer();
  balancers.set(key, balancer, nowMs + FORGOTTEN_AFTER_MS);
  return balancer;
}
