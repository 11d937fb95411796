/**
 * Fifty isolates that choose by the same measurements, a second old: whether they all run to the same target.
 *
 * Each isolate has its own balancer; once a second what all of them measured becomes one snapshot, and each learns it.
 */

import { mergePeaks } from "../../src/algorithms/peak-ewma.ts";
import { Balancer } from "../../src/resilience/balancer.ts";
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
  const balancers = Array.from({ length: ISOLATES }, () => new Balancer());
  const total = new Map<string, number>();
  let second = new Map<string, number>();
  let worstSecond = 0;
  const arrive = (): void => {
    const balancer = balancers[Math.floor(random() * ISOLATES)];
    const inputs = { strategy: "peak_ewma", tried: [], isOpen: () => false, key: "" } as const;
    const choice = balancer?.choose(targets, { ...inputs, nowMs: events.nowMs, random });
    if (choice !== undefined && choice !== null && balancer !== undefined) {
      const { id } = choice.target;
      count(total, id);
      count(second, id);
      const end = balancer.begin(id, targets, events.nowMs, Infinity);
      events.in(lognormal(MEDIAN_MS, random), () => end("ok", 0, events.nowMs));
    }
    events.in((-Math.log(1 - random()) * 1000) / REQUESTS_PER_S, arrive);
  };
  const snapshot = (): void => {
    const nowMs = events.nowMs;
    if (nowMs > 5_000) worstSecond = Math.max(worstSecond, busiestOf(second));
    second = new Map();
    for (const { id } of targets) {
      const measured = balancers.flatMap((balancer) => balancer.measured().get(id) ?? []);
      const merged = mergePeaks(measured, nowMs);
      if (merged !== null) for (const balancer of balancers) balancer.learn(id, merged);
    }
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
