/** Fields that decide when a call starts; test/node/field-inventory.test.ts keeps this list complete. */

import { expect, it } from "vitest";

import { numberOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { callsOf, resultsOf, run, waitTool } from "./field-scene.ts";
import { newTenant, servers, toolRequests, unique } from "./scene.ts";

/** Four calls of each of two tools and four of another run at once; how many of both were in flight, and of the other. */
async function peaksOf(
  policy: UnknownObject,
  extra: UnknownObject,
): Promise<{ readonly both: number; readonly other: number }> {
  const marks = { both: unique("k"), other: unique("k") };
  const tenant = await newTenant({
    policy,
    tools: {
      one: waitTool(150, marks.both, extra),
      two: waitTool(150, marks.both, extra),
      other: waitTool(400, marks.other),
    },
  });
  const calls = ["one", "two", "other"].flatMap((tool) => callsOf(tool, 4));
  const answer = await run(tenant, calls);
  expect(answer.json).toMatchObject({ status: "completed" });
  const [both, other] = [await toolRequests(marks.both), await toolRequests(marks.other)];
  return { both: both.peak, other: other.peak };
}

it("tool/tags: is what the policy caps a call by", async () => {
  const policy = { runs: { caps: { tags: { heavy: 2 } } } };
  const tagged = await peaksOf(policy, { tags: ["light", "heavy"] });
  expect(tagged.both).toBeLessThanOrEqual(2);
  expect(tagged.other).toBeGreaterThan(1);
  expect((await peaksOf(policy, { tags: ["light"] })).both).toBeGreaterThan(2);
});

it("tool/rate_limit_group: is what the policy caps a call by", async () => {
  const policy = { runs: { caps: { groups: { maps: 2 } } } };
  const grouped = await peaksOf(policy, { rate_limit_group: "maps" });
  expect(grouped.both).toBeLessThanOrEqual(2);
  expect(grouped.other).toBeGreaterThan(1);
  expect((await peaksOf(policy, { rate_limit_group: "roads" })).both).toBeGreaterThan(2);
});

it("policy/runs/caps/tags: is how many calls of a tag are in flight in a run", async () => {
  for (const limit of [1, 3]) {
    const policy = { runs: { caps: { tags: { heavy: limit } } } };
    const { both, other } = await peaksOf(policy, { tags: ["heavy"] });
    expect(both).toBeGreaterThanOrEqual(Math.min(2, limit));
    expect(both).toBeLessThanOrEqual(limit);
    expect(other).toBeGreaterThan(1);
  }
});

it("policy/runs/caps/groups: is how many calls of a group are in flight in a run", async () => {
  for (const limit of [1, 3]) {
    const policy = { runs: { caps: { groups: { maps: limit } } } };
    const { both } = await peaksOf(policy, { rate_limit_group: "maps" });
    expect(both).toBeGreaterThanOrEqual(Math.min(2, limit));
    expect(both).toBeLessThanOrEqual(limit);
  }
});

it("policy/runs/caps/hosts: is how many calls to a host are in flight in a run", async () => {
  const { host } = new URL(servers.tools);
  const capped = await peaksOf({ runs: { caps: { hosts: { [host]: 2 } } } }, {});
  expect(capped.both).toBeLessThanOrEqual(2);
  expect(capped.other).toBeLessThanOrEqual(2);
  const elsewhere = await peaksOf({ runs: { caps: { hosts: { "api.example.com": 2 } } } }, {});
  expect(elsewhere.both).toBeGreaterThan(2);
});

it("tool/priority: decides who starts first when slots are short", async () => {
  const mark = unique("k");
  const tenant = await newTenant({
    tools: {
      low: waitTool(20, mark, { priority: -1 }),
      plain: waitTool(20, mark),
      high: waitTool(20, mark, { priority: 1 }),
    },
  });
  const calls = ["low", "plain", "high"].flatMap((tool) => callsOf(tool, 2));
  const answer = await run(tenant, calls, { max_parallel: 1 });
  const started = resultsOf(answer)
    .toSorted((a, b) => (numberOf(a, "started_ms") ?? 0) - (numberOf(b, "started_ms") ?? 0))
    .map((result) => textOf(result, "tool"));
  expect(started).toEqual(["high", "high", "plain", "plain", "low", "low"]);
});
