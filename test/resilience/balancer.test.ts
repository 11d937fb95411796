/** The choice of a target, as an isolate makes it. */

import { describe, expect, it } from "vitest";

import { seededRandom } from "../../bench/statistics.ts";
import { CONSECUTIVE_FAILURES } from "../../src/algorithms/outlier-ejection.ts";
import type { BalanceTarget, Strategy } from "../../src/contract/balance.ts";
import { Balancer, type ChoiceInputs } from "../../src/resilience/balancer.ts";

const PENALTY_MS = 10_000;

function target(id: string, more: Partial<BalanceTarget> = {}): BalanceTarget {
  return { id, weight: 1, failureDomain: null, region: null, ...more };
}

/** A random source that never explores and always draws the first. */
const FIRST = () => 0.11;

function inputs(more: Partial<ChoiceInputs> = {}): ChoiceInputs {
  return {
    strategy: "peak_ewma",
    nowMs: 0,
    random: FIRST,
    tried: [],
    isOpen: () => false,
    key: "k",
    ...more,
  };
}

/** One attempt that took so long. */
function attempt(
  balancer: Balancer,
  id: string,
  targets: readonly BalanceTarget[],
  { atMs = 0, tookMs = 100, failed = false } = {},
): void {
  balancer.begin(
    id,
    targets,
    atMs,
    atMs + 60_000,
  )(failed ? "failed" : "ok", PENALTY_MS, atMs + tookMs);
}

const A = target("a");
const B = target("b");
const AB = [A, B];

describe("peak_ewma", () => {
  it("takes the quicker, and the slower once enough is in flight at the quicker", () => {
    const balancer = new Balancer();
    attempt(balancer, "a", AB, { tookMs: 300 });
    attempt(balancer, "b", AB, { tookMs: 100 });
    const nowMs = 300;
    const taken = Array.from({ length: 5 }, () => {
      const choice = balancer.choose(AB, inputs({ nowMs }));
      const id = choice?.target.id ?? "";
      balancer.begin(id, AB, nowMs, nowMs + 60_000);
      return id;
    });
    expect(taken).toEqual(["b", "b", "a", "b", "b"]);
  });

  it("leaves a target that fails at once, though its answers are the quickest, and comes back by itself", () => {
    const balancer = new Balancer();
    attempt(balancer, "a", AB, { tookMs: 5, failed: true });
    attempt(balancer, "b", AB, { tookMs: 100 });
    for (const nowMs of [100, 1_000, 10_000])
      expect(balancer.choose(AB, inputs({ nowMs }))?.target.id).toBe("b");
    attempt(balancer, "b", AB, { atMs: 120_000 });
    expect(balancer.choose(AB, inputs({ nowMs: 120_200 }))?.considered[0]?.cost_ms).toBeLessThan(
      110,
    );
  });

  it("gives a target of three times the weight three times the calls", () => {
    const targets = [A, target("b", { weight: 3 })];
    const balancer = new Balancer();
    const taken = { a: 0, b: 0 };
    const random = seededRandom(1);
    for (let call = 0; call < 400; call += 1) {
      const id = balancer.choose(targets, inputs({ random }))?.target.id === "a" ? "a" : "b";
      balancer.begin(id, targets, 0, 60_000);
      taken[id] += 1;
    }
    expect(taken.b / taken.a).toBeGreaterThan(2.4);
    expect(taken.b / taken.a).toBeLessThan(3.6);
  });

  it("explores what nobody has used for long, one time in a hundred, unless it was failing", () => {
    const balancer = new Balancer();
    attempt(balancer, "a", AB, { tookMs: 5_000 });
    attempt(balancer, "b", AB, { atMs: 30_000 });
    const nowMs = 30_100;
    const explored = balancer.choose(AB, inputs({ nowMs, random: () => 0.001 }));
    expect([explored?.target.id, explored?.reason]).toEqual(["a", "explored"]);
    expect(balancer.choose(AB, inputs({ nowMs, random: () => 0.5 }))?.target.id).toBe("b");
    for (const atMs of [0, 1]) attempt(balancer, "a", AB, { atMs, failed: true });
    expect(balancer.choose(AB, inputs({ nowMs, random: () => 0.001 }))?.target.id).toBe("b");
  });

  it("asks a target that has failed once a second time soon, and forgives it when that was chance", () => {
    const balancer = new Balancer();
    attempt(balancer, "a", AB, { tookMs: 50 });
    attempt(balancer, "b", AB);
    attempt(balancer, "a", AB, { atMs: 100, tookMs: 5, failed: true });
    const random = () => 0.05;
    expect(balancer.choose(AB, inputs({ nowMs: 200, random }))?.target.id).toBe("b");
    const asked = balancer.choose(AB, inputs({ nowMs: 400, random }));
    expect([asked?.target.id, asked?.reason]).toEqual(["a", "second_opinion"]);
    expect(balancer.choose(AB, inputs({ nowMs: 400, random, tried: ["c"] }))?.target.id).toBe("b");
    attempt(balancer, "a", AB, { atMs: 400, tookMs: 50 });
    const forgiven = balancer.choose(AB, inputs({ nowMs: 500 }));
    expect([forgiven?.target.id, forgiven?.considered[0]?.cost_ms]).toEqual(["a", 50]);
  });
});

describe("targets that were down", () => {
  it("are used again once they are up, though most of them failed", () => {
    const targets = ["a", "b", "c"].map((id) => target(id));
    const balancer = new Balancer();
    for (const { id } of targets) attempt(balancer, id, targets);
    for (const id of ["a", "b"])
      for (const atMs of [200, 300]) attempt(balancer, id, targets, { atMs, failed: true });
    for (let atMs = 1_000; atMs < 90_000; atMs += 1_000) attempt(balancer, "c", targets, { atMs });
    const costs = balancer.choose(targets, inputs({ nowMs: 90_000 }))?.considered;
    expect(costs?.map(({ cost_ms: cost }) => cost < 110)).toEqual([true, true, true]);
  });
});

describe("every strategy", () => {
  const STRATEGIES: readonly Strategy[] = [
    "peak_ewma",
    "weighted",
    "least_request",
    "softmax",
    "bounded_hash",
    "priority",
  ];

  it.each(STRATEGIES)("%s: asks each target once and then none", (strategy) => {
    const targets = ["a", "b", "c"].map((id) => target(id));
    const balancer = new Balancer();
    const tried: string[] = [];
    for (;;) {
      const choice = balancer.choose(targets, inputs({ strategy, tried }));
      if (choice === null) break;
      expect(tried).not.toContain(choice.target.id);
      tried.push(choice.target.id);
    }
    expect(tried.toSorted()).toEqual(["a", "b", "c"]);
    expect(balancer.choose([], inputs({ strategy }))).toBeNull();
  });

  it.each(STRATEGIES)(
    "%s: passes over a target whose breaker is open while there is another",
    (strategy) => {
      const balancer = new Balancer();
      const isOpen = (id: string) => id === "a";
      for (let call = 0; call < 20; call += 1)
        expect(balancer.choose(AB, inputs({ strategy, isOpen, key: `${call}` }))?.target.id).toBe(
          "b",
        );
      const last = balancer.choose(AB, inputs({ strategy, isOpen, tried: ["b"] }));
      expect([last?.target.id, last?.reason]).toEqual(["a", "last_resort"]);
    },
  );

  it.each(STRATEGIES)(
    "%s: leaves out what failed five times in a row, but never all",
    (strategy) => {
      const balancer = new Balancer();
      for (const id of ["a", "b"])
        for (let n = 0; n < CONSECUTIVE_FAILURES; n += 1)
          attempt(balancer, id, AB, { failed: true });
      const choice = balancer.choose(AB, inputs({ strategy, nowMs: 200 }));
      expect(choice?.target.id).toBe("b");
      expect(choice?.considered.map(({ state }) => state)).toEqual(["ejected", "ready"]);
      const later = balancer.choose(AB, inputs({ strategy, nowMs: 30_200 }));
      expect(later?.considered.map(({ state }) => state)).toEqual(["ready", "ready"]);
    },
  );
});

describe("the other strategies", () => {
  it("priority takes the first that is not out", () => {
    const balancer = new Balancer();
    expect(balancer.choose(AB, inputs({ strategy: "priority" }))?.target.id).toBe("a");
    expect(balancer.choose(AB, inputs({ strategy: "priority", tried: ["a"] }))?.target.id).toBe(
      "b",
    );
  });

  it("least_request counts what is in flight, and forgets attempts that were torn down", () => {
    const balancer = new Balancer();
    balancer.begin("a", AB, 0, 5_000);
    const strategy = "least_request";
    expect(balancer.choose(AB, inputs({ strategy, nowMs: 1_000 }))?.target.id).toBe("b");
    balancer.begin("b", AB, 1_000, 50_000);
    expect(balancer.choose(AB, inputs({ strategy, nowMs: 6_000 }))?.target.id).toBe("a");
  });

  it("bounded_hash keeps a conversation at its target", () => {
    const targets = ["a", "b", "c", "d"].map((id) => target(id));
    const balancer = new Balancer();
    const taken = Array.from({ length: 40 }, (_, call) => {
      const key = `conversation ${call % 8}`;
      return [key, balancer.choose(targets, inputs({ strategy: "bounded_hash", key }))?.target.id];
    });
    expect(new Set(taken.map(([key, id]) => `${key} ${id}`)).size).toBe(8);
    expect(new Set(taken.map(([, id]) => id)).size).toBeGreaterThan(1);
  });

  it("weighted draws by weight", () => {
    const targets = [A, target("b", { weight: 9 })];
    const balancer = new Balancer();
    const at = (u: number) =>
      balancer.choose(targets, inputs({ strategy: "weighted", random: () => u }))?.target.id;
    expect([at(0.05), at(0.15), at(0.95)]).toEqual(["a", "b", "b"]);
  });
});

describe("failure domains", () => {
  it("after a failure another domain is asked first, then another region, then whatever is left", () => {
    const targets = [
      target("a", { failureDomain: "x", region: "us" }),
      target("b", { failureDomain: "x", region: "eu" }),
      target("c", { failureDomain: "y", region: "us" }),
      target("d", { failureDomain: "y", region: "eu" }),
    ];
    const balancer = new Balancer();
    const first = balancer.choose(targets, inputs({ strategy: "priority", tried: ["a"] }));
    expect(first?.considered.map(({ state }) => state)).toEqual([
      "tried",
      "same_domain",
      "same_region",
      "ready",
    ]);
    const order: string[] = [];
    while (order.length < 3) {
      const tried = ["a", ...order];
      order.push(
        balancer.choose(targets, inputs({ strategy: "priority", tried }))?.target.id ?? "",
      );
    }
    expect(order[0]).toBe("d");
    expect(order.toSorted()).toEqual(["b", "c", "d"]);
  });

  it("a target is dearer while a sibling of its domain is out", () => {
    const targets = [
      target("a", { failureDomain: "x" }),
      target("b", { failureDomain: "x" }),
      target("c"),
    ];
    const balancer = new Balancer();
    const costs = () =>
      balancer.choose(targets, inputs())?.considered.map(({ cost_ms: cost }) => cost);
    expect(costs()).toEqual([100, 100, 100]);
    const open = balancer.choose(targets, inputs({ isOpen: (id) => id === "a" }));
    expect(open?.considered.map(({ cost_ms: cost }) => cost)).toEqual([400, 400, 100]);
  });

  it("are learned from failures that come together", () => {
    const targets = ["a", "b", "c"].map((id) => target(id));
    const balancer = new Balancer();
    for (let second = 0; second < 1_000; second += 1)
      for (const { id } of targets)
        attempt(balancer, id, targets, {
          atMs: second * 1_000,
          failed: id !== "c" && second % 100 < 3,
        });
    expect(new Set(balancer.learnedDomains.keys())).toEqual(new Set(["a", "b"]));
    const choice = balancer.choose(targets, inputs({ nowMs: 1_000_000, tried: ["a"] }));
    expect(choice?.target.id).toBe("c");
    const blind = new Balancer({ learns: false });
    expect(blind.learnedDomains.size).toBe(0);
  });
});
