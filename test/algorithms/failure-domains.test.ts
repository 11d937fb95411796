import { describe, expect, it } from "vitest";

import { FailureDomains, MAX_TARGETS } from "../../src/algorithms/failure-domains.ts";
import { seededRandom } from "../../bench/statistics.ts";

/** Lets all targets be used once in each of so many seconds; `isDown` says who fails. */
function live(
  ids: readonly string[],
  seconds: number,
  isDown: (id: string, second: number) => boolean,
): FailureDomains {
  const domains = new FailureDomains();
  for (let second = 0; second < seconds; second += 1)
    for (const id of ids) domains.observe(id, isDown(id, second), second * 1_000);
  return domains;
}

/** Groups of ids, each sorted, in order. */
function groups(domains: FailureDomains): readonly (readonly string[])[] {
  const byName = new Map<string, string[]>();
  for (const [id, name] of domains.domains) byName.set(name, [...(byName.get(name) ?? []), id]);
  return [...byName.values()]
    .map((ids) => ids.toSorted())
    .toSorted(([a = ""], [b = ""]) => a.localeCompare(b));
}

/** Ten seconds in each `period`. */
function outage(period: number): (second: number) => boolean {
  return (second) => second % period >= period - 10;
}

describe("FailureDomains", () => {
  it("joins those that fail together, and nobody else", () => {
    const [first, second, third] = [outage(301), outage(377), outage(449)];
    const domains = live(["a", "b", "c", "d", "e"], 5_000, (id, at) => {
      if (id === "a" || id === "c") return first(at);
      return id === "b" || id === "d" ? second(at) : third(at);
    });
    expect(groups(domains)).toEqual([
      ["a", "c"],
      ["b", "d"],
    ]);
  });

  it("joins nobody on two joint outages: those may be chance", () => {
    expect(groups(live(["a", "b"], 650, (_, at) => outage(301)(at)))).toEqual([]);
    expect(groups(live(["a", "b"], 950, (_, at) => outage(301)(at)))).toEqual([["a", "b"]]);
  });

  it("joins nobody who fails by himself, however often", () => {
    for (const share of [0.01, 0.05, 0.2, 0.5, 0.9]) {
      const random = seededRandom(share * 1000);
      expect(groups(live(["a", "b", "c", "d"], 5_000, () => random() < share))).toEqual([]);
    }
  });

  it("joins nobody when one fails whenever the other does, but also often without it", () => {
    const isDown = (id: string, at: number) => outage(600)(at) || (id === "b" && outage(100)(at));
    expect(groups(live(["a", "b"], 12_000, isDown))).toEqual([]);
  });

  it("takes apart what no longer fails together", () => {
    const isDown = (id: string, at: number) =>
      at < 4_000 ? outage(300)(at) : outage(300)(at + (id === "a" ? 0 : 150));
    expect(groups(live(["a", "b"], 4_000, isDown))).toEqual([["a", "b"]]);
    expect(groups(live(["a", "b"], 20_000, isDown))).toEqual([]);
  });

  it("dates an outage by the first of two failures in a row, not by one long forgiven", () => {
    const isDown = (id: string, at: number) => {
      const second = at % 300;
      return (id === "a" && second === 0) || (second >= (id === "a" ? 4 : 9) && second < 12);
    };
    expect(groups(live(["a", "b"], 5_000, isDown))).toEqual([["a", "b"]]);
  });

  it("joins nobody on three joint outages within three minutes: among so many some meet by chance", () => {
    expect(groups(live(["a", "b"], 200, (_, at) => outage(60)(at)))).toEqual([]);
    expect(groups(live(["a", "b"], 370, (_, at) => outage(120)(at)))).toEqual([["a", "b"]]);
  });

  it("dates an outage by its first failure also where the second comes late", () => {
    const domains = new FailureDomains();
    for (let at = 0; at < 5_000; at += 1) {
      const second = at % 300;
      domains.observe("a", second >= 4 && second < 12, at * 1_000);
      if (second !== 10) domains.observe("b", second >= 9 && second < 12, at * 1_000);
    }
    expect(groups(domains)).toEqual([["a", "b"]]);
  });

  it("says nothing of targets that were not used when another failed", () => {
    const domains = new FailureDomains();
    for (let second = 0; second < 6_000; second += 1) {
      domains.observe("a", outage(300)(second), second * 1_000);
      if (second % 300 < 200) domains.observe("b", false, second * 1_000);
    }
    expect(groups(domains)).toEqual([]);
  });

  it("compares so many targets and no more", () => {
    const ids = Array.from({ length: MAX_TARGETS + 1 }, (_, index) => `t${index}`);
    expect(live(ids, 3_000, (_, at) => outage(300)(at)).domains.size).toBe(MAX_TARGETS);
  });

  it("joins nobody on single failures that come together: those may be chance", () => {
    expect(groups(live(["a", "b"], 5_000, (_, at) => at % 100 === 0))).toEqual([]);
    expect(groups(live(["a", "b"], 5_000, (_, at) => at % 100 < 2))).toEqual([["a", "b"]]);
  });
});
