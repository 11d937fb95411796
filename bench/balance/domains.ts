/**
 * Failure domains learned from outages: planted ones are found, none are made up, and knowing them keeps a call that failed
 * from being tried again where it will fail too.
 *
 * A day of twelve targets, some of which go down together, others alone, all with a share of failures of their own. A call
 * has two attempts, each where the balancer says.
 */

import { Balancer } from "../../src/resilience/balancer.ts";
import { seededRandom } from "../statistics.ts";
import { targetsOf } from "./pickers.ts";

const TARGETS = 12;
const CALLS_PER_S = 20;
const ANSWER_MS = 100;
const PENALTY_MS = 10_000;
/** Share of the calls that fail whatever happens. */
const NOISE = 0.002;
/** Mean time from the end of an outage of a domain to the next. */
const BETWEEN_OUTAGES_S = 300;
const OUTAGE_S = { least: 15, most: 60 } as const;

/** What happened. */
export interface DomainsOutcome {
  /** Agreement of learned with planted domains, 1 at best. */
  readonly adjustedRand: number;
  /** Learned domains. */
  readonly domains: number;
  readonly calls: number;
  /** Calls of the second half of which both attempts failed. */
  readonly failed: number;
}

/** The domain of each target: with `planted`, three of three and three alone; otherwise all alone. */
function plan(planted: boolean): readonly number[] {
  return Array.from({ length: TARGETS }, (_, index) =>
    planted && index < 9 ? Math.floor(index / 3) : 100 + index,
  );
}

/** Lives through `hours`; without `learns` the balancer does not use what it could learn. */
export function liveThrough(
  { planted, learns }: { readonly planted: boolean; readonly learns: boolean },
  hours: number,
  seed: number,
): DomainsOutcome {
  const random = seededRandom(seed);
  const outages = seededRandom(seed + 1);
  const balancer = new Balancer({ learns });
  const targets = targetsOf(TARGETS);
  const domainOf = plan(planted);
  const downUntil = new Map<number, number>();
  const upUntil = new Map<number, number>();
  let failed = 0;
  const seconds = hours * 3600;
  const isDown = (index: number, nowMs: number): boolean =>
    nowMs < (downUntil.get(domainOf[index] ?? -1) ?? 0);
  for (let second = 0; second < seconds; second += 1) {
    for (const domain of new Set(domainOf)) {
      const nextMs = upUntil.get(domain) ?? -Math.log(1 - outages()) * BETWEEN_OUTAGES_S * 1000;
      upUntil.set(domain, nextMs);
      if (second * 1000 < nextMs) continue;
      const outageS = OUTAGE_S.least + outages() * (OUTAGE_S.most - OUTAGE_S.least);
      const endMs = (second + outageS) * 1000;
      downUntil.set(domain, endMs);
      upUntil.set(domain, endMs - Math.log(1 - outages()) * BETWEEN_OUTAGES_S * 1000);
    }
    for (let call = 0; call < CALLS_PER_S; call += 1) {
      const nowMs = second * 1000 + (call * 1000) / CALLS_PER_S;
      const tried: string[] = [];
      let succeeded = false;
      while (!succeeded && tried.length < 2) {
        const inputs = { strategy: "peak_ewma", tried, isOpen: () => false, key: "" } as const;
        const choice = balancer.choose(targets, { ...inputs, nowMs, random });
        if (choice === null) break;
        const index = targets.indexOf(choice.target);
        const end = balancer.begin(choice.target.id, targets, nowMs, Infinity);
        succeeded = !isDown(index, nowMs) && random() >= NOISE;
        end(succeeded ? "ok" : "failed", PENALTY_MS, nowMs + (succeeded ? ANSWER_MS : 0));
        tried.push(choice.target.id);
      }
      // The first half of the time is for learning.
      if (!succeeded && second >= seconds / 2) failed += 1;
    }
  }
  const learned = targets.map(({ id }) => balancer.learnedDomains.get(id) ?? id);
  const names = new Set(balancer.learnedDomains.values());
  return {
    adjustedRand: adjustedRand(learned, domainOf.map(String)),
    domains: names.size,
    calls: seconds * CALLS_PER_S,
    failed,
  };
}

/**
 * How well two groupings of the same things agree, corrected for chance: 1 when they are the same, about 0 for unrelated ones.
 * Source: L. Hubert, P. Arabie, "Comparing partitions", Journal of Classification 2, 1985.
 */
function adjustedRand(a: readonly string[], b: readonly string[]): number {
  const sumOf = (labels: readonly string[]): number => {
    const sizes = new Map<string, number>();
    for (const label of labels) sizes.set(label, (sizes.get(label) ?? 0) + 1);
    return [...sizes.values()].reduce((sum, size) => sum + pairs(size), 0);
  };
  const both = sumOf(a.map((label, index) => `${label}\n${b[index]}`));
  const [inA, inB] = [sumOf(a), sumOf(b)];
  const expected = (inA * inB) / pairs(a.length);
  const most = (inA + inB) / 2;
  return most === expected ? 1 : (both - expected) / (most - expected);
}

function pairs(n: number): number {
  return (n * (n - 1)) / 2;
}
