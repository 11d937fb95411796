/** Calls that need each other run as a dataflow: nothing waits for anything but what it needs. */

import { expect, it } from "vitest";

import { numberOf, textOf } from "../../dev/http/json.ts";
import { expectToolCalls } from "../../src/library/testing/expect-tool-calls.ts";
import { resultsOf, run, waitTool } from "./field-scene.ts";
import { newTenant, servers, toolRequests, unique } from "./scene.ts";

it("A (0.1 s) → B beside C (2 s) takes two seconds, and C is the critical path", async () => {
  const tenant = await newTenant({
    tools: {
      short: waitTool(100, unique("k")),
      // Another tool: with A's arguments, A's own would answer without being asked again.
      after: waitTool(100, unique("k")),
      long: waitTool(2_000, unique("k")),
    },
  });
  const answer = await run(tenant, [
    { id: "b", tool: "after", arguments: { q: { $ref: "a#/n" } } },
    { id: "a", tool: "short", arguments: { q: "A" } },
    { id: "c", tool: "long", arguments: { q: "C" } },
  ]);
  expect(answer.json).toMatchObject({ status: "completed" });
  const results = resultsOf(answer);
  expect(results[0]).toMatchObject({ output: { n: "A" } });
  const calls = results.map((result) => ({
    id: textOf(result, "id") ?? "",
    tool: textOf(result, "tool") ?? "",
    startedMs: numberOf(result, "started_ms") ?? Number.NaN,
    durationMs: numberOf(result, "duration_ms") ?? Number.NaN,
  }));
  const ran = expectToolCalls(calls).toBe("a", "b", "c");
  // B starts when A has ended, not when the slowest of the first calls has.
  expectToolCalls(calls.slice(0, 2).toReversed()).inOrder();
  ran.of("a", "c").inParallel();
  ran.of("b", "c").inParallel();
  ran.totalDuration({ atLeast: 2_000, atMost: 2_900 });
  const criticalPathMs = numberOf(answer.json, "critical_path_ms") ?? 0;
  ran.of("c").totalDuration({ atLeast: criticalPathMs, atMost: criticalPathMs });
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
