/** When an election is worth its object call, and when it is not. */

import { describe, expect, it } from "vitest";

import { ElectionRule, LONELY } from "../../../src/tools/cache/election-rule.ts";

describe("ElectionRule", () => {
  it("holds one for a tool nobody knows, and for one that is slower than an election", () => {
    const rule = new ElectionRule();
    expect(rule.elects("t", "k", 0)).toBe(true);
    rule.noteCall("t", 200, 0);
    expect(rule.elects("t", "k", 0)).toBe(true);
  });

  it("holds none for a tool that answers sooner, until elections get quicker", () => {
    const rule = new ElectionRule();
    for (let n = 0; n < 20; n += 1) rule.noteElection(50);
    rule.noteCall("t", 20, 0);
    expect(rule.elects("t", "k", 0)).toBe(false);
    for (let n = 0; n < 20; n += 1) rule.noteElection(1);
    expect(rule.elects("t", "k", 0)).toBe(true);
  });

  it("holds one in so many for a tool whose elections meet nobody, and each again once one met somebody", () => {
    const rule = new ElectionRule();
    for (let n = 0; n < LONELY; n += 1) {
      expect(rule.elects("t", `k${n}`, 0)).toBe(true);
      rule.noteCompany("t", false, 0);
    }
    let held = 0;
    for (let n = 0; n < 10 * LONELY; n += 1) {
      if (!rule.elects("t", `l${n}`, 0)) continue;
      held += 1;
      rule.noteCompany("t", false, 0);
    }
    expect(held).toBe(10);
    rule.noteCompany("t", true, 0);
    expect([rule.elects("t", "a", 0), rule.elects("t", "b", 0)]).toEqual([true, true]);
  });

  it("always holds one for what this isolate is asking for already, as long as it may be", () => {
    const rule = new ElectionRule();
    rule.noteCall("t", 0, 0);
    rule.begin("k", 0, 100);
    expect([rule.elects("t", "k", 99), rule.elects("t", "other", 99)]).toEqual([true, false]);
    expect(rule.elects("t", "k", 100)).toBe(false);
    rule.begin("k", 100, 100);
    rule.end("k");
    expect(rule.elects("t", "k", 101)).toBe(false);
  });
});
