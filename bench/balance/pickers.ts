/**
 * Who chooses an upstream in the simulation: our balancer as it is, and the policies it is held against, each as one isolate
 * sees the world (its own requests in flight, its own measurements).
 */

import { DECAY_MS } from "../../src/algorithms/peak-ewma.ts";
import type { BalanceTarget, Strategy } from "../../src/contract/balance.ts";
import { Balancer } from "../../src/resilience/balancer.ts";

/** Chooses for one isolate. */
export interface Picker {
  /** The index of the upstream for the next request, and what is to be told when it has ended. */
  pick(nowMs: number): {
    readonly index: number;
    readonly end: (succeeded: boolean, nowMs: number) => void;
  };
}

/** What a failed request costs: what its caller would have waited. */
export const PENALTY_MS = 10_000;

/** Targets of equal weight. */
export function targetsOf(count: number): readonly BalanceTarget[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `t${index}`,
    weight: 1,
    failureDomain: null,
    region: null,
  }));
}

/** Our own chooser. */
export function ours(strategy: Strategy, count: number, random: () => number): Picker {
  const balancer = new Balancer();
  const targets = targetsOf(count);
  return {
    pick(nowMs) {
      const choice = balancer.choose(targets, {
        strategy,
        nowMs,
        random,
        tried: [],
        isOpen: () => false,
        key: "",
      });
      const target = choice?.target ?? targets[0];
      if (target === undefined) throw new Error("there are no targets");
      const end = balancer.begin(target.id, targets, nowMs, Infinity);
      return {
        index: targets.indexOf(target),
        end: (succeeded, endedMs) => end(succeeded ? "ok" : "failed", PENALTY_MS, endedMs),
      };
    },
  };
}

/** Uniformly at random. */
export function atRandom(count: number, random: () => number): Picker {
  return { pick: () => ({ index: Math.floor(random() * count), end: () => undefined }) };
}

/** Power of two choices: the better of two drawn at random, by `costOf` of what the isolate knows. */
function twoChoices(
  count: number,
  random: () => number,
  costOf: (index: number, nowMs: number) => number,
  told: {
    begin(index: number): void;
    end(index: number, ok: boolean, tookMs: number, nowMs: number): void;
  },
): Picker {
  return {
    pick(nowMs) {
      const first = Math.floor(random() * count);
      const second = (first + 1 + Math.floor(random() * (count - 1))) % count;
      const index = costOf(first, nowMs) <= costOf(second, nowMs) ? first : second;
      told.begin(index);
      return { index, end: (ok, endedMs) => told.end(index, ok, endedMs - nowMs, endedMs) };
    },
  };
}

/** P2C least request: fewer requests in flight. */
export function p2cLeastRequest(count: number, random: () => number): Picker {
  const inFlight = Array.from({ length: count }, () => 0);
  return twoChoices(count, random, (index) => inFlight[index] ?? 0, {
    begin: (index) => (inFlight[index] = (inFlight[index] ?? 0) + 1),
    end: (index) => (inFlight[index] = (inFlight[index] ?? 0) - 1),
  });
}

/** P2C peak EWMA as Finagle, Linkerd and tower have it, with failures charged. */
export function p2cPeakEwma(count: number, random: () => number): Picker {
  const inFlight = Array.from({ length: count }, () => 0);
  const ewma = Array.from({ length: count }, () => ({ ms: 0, atMs: 0 }));
  const costOf = (index: number, nowMs: number): number => {
    const { ms, atMs } = ewma[index] ?? { ms: 0, atMs: 0 };
    const waiting = inFlight[index] ?? 0;
    // Never measured but in use: dear, so that it gets one request, not all.
    if (ms === 0) return waiting === 0 ? 0 : PENALTY_MS + waiting;
    return ms * Math.exp(-(nowMs - atMs) / DECAY_MS) * (waiting + 1);
  };
  return twoChoices(count, random, costOf, {
    begin: (index) => (inFlight[index] = (inFlight[index] ?? 0) + 1),
    end(index, ok, tookMs, nowMs) {
      inFlight[index] = (inFlight[index] ?? 0) - 1;
      const { ms, atMs } = ewma[index] ?? { ms: 0, atMs: 0 };
      const seen = ok ? tookMs : Math.max(tookMs, PENALTY_MS);
      const keep = Math.exp(-(nowMs - atMs) / DECAY_MS);
      ewma[index] = { ms: seen > ms ? seen : ms * keep + seen * (1 - keep), atMs: nowMs };
    },
  });
}
