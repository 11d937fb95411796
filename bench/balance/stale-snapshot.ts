/**
 * Fifty isolates that choose by the same measurements, a second old: whether they all run to the same target.
 *
 * Each isolate has its own balancer and tells its tenant's gate what it measured, as the gateway does; once a second all of them
 * do so at the same moment, and each takes over what the gate makes of it.
 */

import { Balancer } from "../../src/resilience/balancer.ts";
import { LoadsWorld } from "../../test/simulation/loads/loads-world.ts";
import { seededRandom } from "../statistics.ts";
import { Events } from "./events.ts";
import { lognormal } from "./fleet.ts";
import { targetsOf } from "./pickers.ts";

const ISOLATES = 50;
const TARGETS = 8;
const MEDIAN_MS = 100;
const REQUESTS_PER_S = 1_000;
const SNAPSHOT_MS = 1_000;

/** The busiest target over its share: of all requests, and in the worst single second after the first five. */
export interface Busiest {
  readonly overall: number;
  readonly worstSecond: number;
}

/** Lets the isolates choose for `seconds`. */
export function staleSnapshot(seconds: number, seed: number): Busiest {
  const random = seededRandom(seed);
  const events = new Events();
  const targets = targetsOf(TARGETS);
  const shared = new LoadsWorld(ISOLATES);
  const isolates = shared.isolates.map((loads) => ({ balancer: new Balancer(), loads }));
  const total = new Map<string, number>();
  let second = new Map<string, number>();
  let worstSecond = 0;
  const arrive = (): void => {
    const isolate = isolates[Math.floor(random() * ISOLATES)];
    const inputs = { strategy: "peak_ewma", tried: [], isOpen: () => false, key: "" } as const;
    const here = { nowMs: events.nowMs, random, loads: isolate?.loads };
    const choice = isolate?.balancer.choose(targets, { ...inputs, ...here });
    if (choice !== undefined && choice !== null && isolate !== undefined) {
      const { balancer, loads } = isolate;
      const { id } = choice.target;
      count(total, id);
      count(second, id);
      const end = balancer.begin(id, targets, events.nowMs, Infinity, loads);
      events.in(lognormal(MEDIAN_MS, random), () => end("ok", 0, events.nowMs));
    }
    events.in((-Math.log(1 - random()) * 1000) / REQUESTS_PER_S, arrive);
  };
  const snapshot = (): void => {
    const nowMs = events.nowMs;
    if (nowMs > 5_000) worstSecond = Math.max(worstSecond, busiestOf(second));
    second = new Map();
    shared.exchange(nowMs);
    events.in(SNAPSHOT_MS, snapshot);
  };
  events.in(0, arrive);
  events.in(SNAPSHOT_MS, snapshot);
  events.run(seconds * 1000);
  return { overall: busiestOf(total), worstSecond };
}

function count(counts: Map<string, number>, id: string): void {
  counts.set(id, (counts.get(id) ?? 0) + 1);
}

function busiestOf(counts: ReadonlyMap<string, number>): number {
  const all = [...counts.values()];
  return Math.max(0, ...all) / (all.reduce((sum, each) => sum + each, 0) / TARGETS);
}
