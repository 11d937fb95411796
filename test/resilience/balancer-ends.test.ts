/** What the end of an attempt says of its target. */

import { describe, expect, it } from "vitest";

import { CONSECUTIVE_FAILURES } from "../../src/algorithms/outlier-ejection.ts";
import { balanceTarget } from "../../src/contract/balance.ts";
import { type AttemptEnd, Balancer, type ChoiceInputs } from "../../src/resilience/balancer.ts";

const TARGETS = ["a", "b"].map((id) => balanceTarget(id, {}));

const INPUTS: ChoiceInputs = {
  strategy: "peak_ewma",
  nowMs: 200,
  random: () => 0.11,
  tried: [],
  isOpen: () => false,
  key: "k",
};

/** How "a" stands after so many attempts there ended like this; both took 100 ms before. */
function after(end: AttemptEnd, times: number, tookMs: number, penaltyMs: number) {
  const balancer = new Balancer();
  for (const { id } of TARGETS) balancer.begin(id, TARGETS, 0, 60_000)("ok", 0, 100);
  for (let n = 0; n < times; n += 1)
    balancer.begin("a", TARGETS, 200, 60_000)(end, penaltyMs, 200 + tookMs);
  return balancer.choose(TARGETS, INPUTS)?.considered[0];
}

describe("an attempt", () => {
  it("that says nothing changes nothing that is known of its target", () => {
    const times = 2 * CONSECUTIVE_FAILURES;
    expect(after("ignored", times, 5_000, 10_000)).toMatchObject({
      cost_ms: 100,
      in_flight: 0,
      state: "ready",
    });
  });

  it("that failed costs what its caller would have waited, or what it took if that is more", () => {
    expect(after("failed", 1, 5, 10_000)).toMatchObject({ cost_ms: 10_000, in_flight: 0 });
    expect(after("failed", 1, 7_000, 500)).toMatchObject({ cost_ms: 7_000 });
    expect(after("failed", CONSECUTIVE_FAILURES, 5, 10_000)?.state).toBe("ejected");
  });

  it("that was answered costs what it took, nothing by a clock that went back", () => {
    expect(after("ok", 1, 700, 10_000)?.cost_ms).toBe(700);
    expect(after("ok", 1, -150, 10_000)?.cost_ms).toBe(100);
  });

  it("long ago is repeated now and then to learn of better times, where times decide and nothing was tried", () => {
    const balancer = new Balancer();
    balancer.begin("a", TARGETS, 0, 60_000)("ok", 0, 5_000);
    balancer.begin("b", TARGETS, 30_000, 60_000)("ok", 0, 30_100);
    const chosen = (news: Partial<ChoiceInputs>) =>
      balancer.choose(TARGETS, { ...INPUTS, nowMs: 30_100, random: () => 0.001, ...news })?.reason;
    expect([chosen({}), chosen({ strategy: "softmax" })]).toEqual(["explored", "explored"]);
    expect(chosen({ strategy: "weighted" })).toBe("drawn");
    expect(chosen({ tried: ["c"] })).toBe("least_cost");
    expect(chosen({ random: () => 0.02 })).toBe("least_cost");
  });

  it("goes to an outlier before an open breaker, when there is nothing else", () => {
    const balancer = new Balancer();
    for (let n = 0; n < CONSECUTIVE_FAILURES; n += 1)
      balancer.begin("a", TARGETS, 0, 60_000)("failed", 10_000, 100);
    const choice = balancer.choose(TARGETS, { ...INPUTS, isOpen: (id) => id === "b" });
    expect(choice).toMatchObject({ target: { id: "a" }, reason: "last_resort" });
  });

  it("is remembered while its target is left out of a few choices", () => {
    const three = ["a", "b", "c"].map((id) => balanceTarget(id, {}));
    const balancer = new Balancer();
    for (const { id } of three) balancer.begin(id, three, 0, 60_000)("ok", 0, 700);
    balancer.choose(TARGETS, { ...INPUTS, nowMs: 700 });
    const costs = balancer.choose(three, { ...INPUTS, nowMs: 700 })?.considered;
    expect(costs?.map(({ cost_ms: cost }) => cost)).toEqual([700, 700, 700]);
    balancer.begin("a", three, 700, 60_000)("ok", 0, 1_000);
    balancer.choose(TARGETS.slice(0, 1), { ...INPUTS, nowMs: 1_000 });
    expect(balancer.choose(three, { ...INPUTS, nowMs: 1_000 })?.considered[2]?.cost_ms).toBe(700);
  });

  it("that is on its way makes its target dearer, unless there is no other", () => {
    const balancer = new Balancer();
    for (const { id } of TARGETS) balancer.begin(id, TARGETS, 0, 60_000)("ok", 0, 100);
    const end = balancer.begin("a", TARGETS, 200, 60_000);
    expect(balancer.choose(TARGETS, INPUTS)).toMatchObject({
      target: { id: "b" },
      considered: [{ cost_ms: 200, in_flight: 1 }, { cost_ms: 100 }],
    });
    end("ignored", 0, 300);
    end("ignored", 0, 300);
    expect(balancer.choose(TARGETS, INPUTS)?.considered[0]?.in_flight).toBe(0);
    const only = TARGETS.slice(0, 1);
    balancer.begin("a", only, 0, 60_000);
    expect(balancer.choose(TARGETS, INPUTS)?.considered[0]?.in_flight).toBe(0);
    expect(balancer.choose(only, { ...INPUTS, tried: ["a"] })).toBeNull();
    expect(balancer.choose(only, INPUTS)).toMatchObject({ reason: "only", considered: [] });
  });
});
