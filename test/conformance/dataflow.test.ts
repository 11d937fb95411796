/** Calls that need each other run as a dataflow: nothing waits for anything but what it needs. */

import { expect, it } from "vitest";

import { numberOf, textOf } from "../../dev/http/json.ts";
import { resultsOf, run, waitTool } from "./field-scene.ts";
import { newTenant, servers, toolRequests, unique } from "./scene.ts";

it("A (0.1 s) → B beside C (2 s) takes two seconds, and C is the critical path", async () => {
  const tenant = await newTenant({
    tools: { short: waitTool(100, unique("k")), long: waitTool(2_000, unique("k")) },
  });
  const answer = await run(tenant, [
    { id: "b", tool: "short", arguments: { q: { $ref: "a#/n" } } },
    { id: "a", tool: "short", arguments: { q: "A" } },
    { id: "c", tool: "long", arguments: { q: "C" } },
  ]);
  expect(answer.json).toMatchObject({ status: "completed" });
  const [b, a, c] = resultsOf(answer);
  expect(b).toMatchObject({ output: { n: "A" } });
  const started = (result = {}) => numberOf(result, "started_ms") ?? Number.NaN;
  const ended = (result = {}) => started(result) + (numberOf(result, "duration_ms") ?? Number.NaN);
  // B starts when A has ended, not when the slowest of the first calls has.
  expect(started(b)).toBeGreaterThanOrEqual(ended(a) - 1);
  expect(ended(b)).toBeLessThan(ended(c));
  const durationMs = numberOf(answer.json, "duration_ms") ?? 0;
  expect(durationMs).toBeGreaterThanOrEqual(2_000);
  expect(durationMs - ended(c)).toBeLessThan(200);
  expect(numberOf(answer.json, "critical_path_ms")).toBe(numberOf(c ?? {}, "duration_ms"));
});

it("skips what needs a failed call, transitively, sends none of it, and goes on with the rest", async () => {
  const mark = unique("k");
  const tenant = await newTenant({
    tools: {
      step: waitTool(1, mark),
      broken: waitTool(1, unique("k"), {
        http: { method: "GET", url: `${servers.tools}/echo`, query: { fault: "500" } },
      }),
    },
  });
  const answer = await run(tenant, [
    { id: "bad", tool: "broken", arguments: {} },
    { id: "next", tool: "step", arguments: { q: { $ref: "bad#/n" } } },
    { id: "last", tool: "step", arguments: { q: { $ref: "next#/n" } } },
    { id: "good", tool: "step", arguments: { q: "good" } },
  ]);
  expect(answer.json).toMatchObject({ status: "partial", success_rate: 0.25 });
  const ends = resultsOf(answer).map((result) => [textOf(result, "id"), textOf(result, "status")]);
  expect(ends).toEqual([
    ["bad", "failed"],
    ["next", "skipped"],
    ["last", "skipped"],
    ["good", "succeeded"],
  ]);
  expect(resultsOf(answer)[2]).toMatchObject({
    error: { code: "dependency_failed" },
    attempts: 0,
    duration_ms: 0,
  });
  expect((await toolRequests(mark)).started).toBe(1);
});
