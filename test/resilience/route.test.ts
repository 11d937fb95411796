/** To which target a request goes while breakers hold some back. */

import { describe, expect, it } from "vitest";

import { balanceTarget, type ChoiceRecord } from "../../src/contract/balance.ts";
import type { Held } from "../../src/contract/upstream-session.ts";
import { Balancer } from "../../src/resilience/balancer.ts";
import { OPEN_SESSION } from "../../src/resilience/open-session.ts";
import { route } from "../../src/resilience/route.ts";

const OPEN: Held = {
  cause: "circuit_open",
  retryAfterMs: 500,
  isForced: false,
  mayProbe: false,
};

/** The route between targets in their order, of which some are held back and some were tried. */
function routed(
  ids: readonly string[],
  held: Readonly<Record<string, Partial<Held>>>,
  tried: readonly string[] = [],
) {
  const told: ChoiceRecord[] = [];
  const session = {
    ...OPEN_SESSION,
    held: (id: string) => (held[id] === undefined ? null : { ...OPEN, ...held[id] }),
  };
  const balance = {
    balancer: new Balancer(),
    strategy: "priority" as const,
    key: "",
    onChoice: (choice: ChoiceRecord) => void told.push(choice),
  };
  const targets = ids.map((id) => balanceTarget(id, {}));
  const world = { session, nowMs: 0, random: () => 0.5 };
  const { chosen, probeable } = route(targets, new Set(tried), balance, world);
  return {
    chosen: chosen.ok ? chosen.value.id : chosen.error,
    probeable: probeable?.id ?? null,
    told: told.map(({ target }) => target),
  };
}

describe("route", () => {
  it("goes to the first that is not held, and tells the choice where there was one", () => {
    expect(routed(["a", "b", "c"], { a: {} })).toEqual({
      chosen: "b",
      probeable: null,
      told: ["b"],
    });
    expect(routed(["a", "b"], {})).toEqual({ chosen: "a", probeable: null, told: ["a"] });
    expect(routed(["a"], {})).toEqual({ chosen: "a", probeable: null, told: [] });
  });

  it("obeys the breakers while no more than half of the targets are held", () => {
    expect(routed(["a", "b"], { a: {} }).chosen).toBe("b");
    expect(routed(["a", "b", "c", "d"], { a: {}, b: {} }).chosen).toBe("c");
    expect(routed(["a", "b", "c"], { a: {}, b: {} }).chosen).toBe("a");
    expect(routed(["a", "b"], { a: {}, b: {} }).chosen).toBe("a");
  });

  it("asks nobody while its only target is held, and says until when", () => {
    expect(routed(["a"], { a: { retryAfterMs: 70 } }).chosen).toEqual({
      ...OPEN,
      kind: "held",
      target: "a",
      sent: false,
      retryAfterMs: 70,
    });
  });

  it("never asks what was forced open by hand, and names the target that comes first", () => {
    const forced = { isForced: true };
    expect(routed(["a", "b"], { a: forced, b: {} }).chosen).toBe("b");
    const both = { a: { ...forced, retryAfterMs: 90 }, b: { ...forced, retryAfterMs: 80 } };
    expect(routed(["a", "b"], both).chosen).toMatchObject({ target: "b", retryAfterMs: 80 });
    const alike = { a: forced, b: forced };
    expect(routed(["a", "b"], alike).chosen).toMatchObject({ target: "a" });
  });

  it("begins a new round when all were tried, and passes over what is held in it", () => {
    expect(routed(["a", "b"], {}, ["a"]).chosen).toBe("b");
    expect(routed(["a", "b"], {}, ["a", "b"]).chosen).toBe("a");
    expect(routed(["a", "b"], { b: {} }, ["a"])).toMatchObject({ chosen: "a", told: ["a"] });
  });

  it("offers a probe of a target that recovers, once in a call", () => {
    const held = { a: {}, b: { mayProbe: true }, c: { mayProbe: true } };
    expect(routed(["a", "b", "c", "d", "e", "f"], held)).toMatchObject({
      chosen: "d",
      probeable: "b",
    });
    expect(routed(["a", "b", "c", "d", "e", "f"], held, ["b"]).probeable).toBe("c");
    expect(routed(["a"], { a: { mayProbe: true } })).toMatchObject({ probeable: "a" });
  });
});
