/** What a choice makes of what other isolates measured, and what it lets them know. */

import { describe, expect, it } from "vitest";

import type { BalanceTarget } from "../../src/contract/balance.ts";
import { Balancer, type ChoiceInputs } from "../../src/resilience/balancer.ts";

const PENALTY_MS = 10_000;

const target = (id: string): BalanceTarget => ({
  id,
  weight: 1,
  failureDomain: null,
  region: null,
});
const AB = [target("a"), target("b")];

/** A random source that never explores and always draws the first. */
const INPUTS: ChoiceInputs = {
  strategy: "peak_ewma",
  nowMs: 0,
  random: () => 0.11,
  tried: [],
  isOpen: () => false,
  key: "k",
};

/** Costs of the targets as a choice sees them. */
function costs(balancer: Balancer, more: Partial<ChoiceInputs>, targets = AB) {
  const choice = balancer.choose(targets, { ...INPUTS, ...more });
  return choice?.considered.map(({ cost_ms }) => cost_ms);
}

function answered(balancer: Balancer, id: string, tookMs: number): void {
  balancer.begin(id, AB, 0, 60_000)("ok", PENALTY_MS, tookMs);
}

describe("what others measured", () => {
  it("is taken over where it is newer", () => {
    const balancer = new Balancer();
    answered(balancer, "a", 100);
    const heard = (atMs: number) => ({
      of: (id: string) => (id === "a" ? { ms: 700, atMs } : null),
      tell: () => undefined,
    });
    expect(costs(balancer, { nowMs: 100, loads: heard(50) })).toEqual([100, 100]);
    expect(costs(balancer, { nowMs: 5_000, loads: heard(5_000) })).toEqual([700, 700]);
  });

  it("fades to what is usual when nobody measures it any more", () => {
    const loads = {
      of: (id: string) => ({ ms: id === "a" ? 5_000 : 100, atMs: id === "a" ? 0 : 60_000 }),
      tell: () => undefined,
    };
    const [fresh] = costs(new Balancer(), { nowMs: 0, loads }) ?? [];
    const [stale] = costs(new Balancer(), { nowMs: 60_000, loads }) ?? [];
    expect(fresh).toBe(5_000);
    expect(stale).toBeLessThan(120);
  });

  it("is told of every target that is chosen among, but not what a single failure costs", () => {
    const balancer = new Balancer();
    const told: number[] = [];
    const loads = { of: () => null, tell: (_: string, { ms }: { ms: number }) => told.push(ms) };
    const end = (how: "ok" | "failed", atMs: number) =>
      balancer.begin("a", AB, atMs, atMs + 60_000, loads)(how, PENALTY_MS, atMs + 100);
    end("ok", 0);
    end("failed", 1_000);
    expect(told).toEqual([100]);
    end("failed", 2_000);
    expect(told).toEqual([100, PENALTY_MS]);
  });
});

describe("targets that are gone", () => {
  it("are forgotten", () => {
    const balancer = new Balancer();
    for (const id of ["1", "2", "3", "4", "5"]) answered(balancer, id, 900);
    costs(balancer, {});
    expect(costs(balancer, { nowMs: 900 }, [target("1"), target("2")])).toEqual([100, 100]);
  });
});
