import { describe, expect, it } from "vitest";

import { defineTool } from "../../src/library/define-tool.ts";
import type { Aggregator, JudgedResult, Scorer } from "../../src/library/judges.ts";
import { run } from "../../src/library/run.ts";

const echo = defineTool({
  name: "scorer",
  description: "Echoes; its name is one a scorer would like to have",
  input: { type: "object" },
  effect: "read",
  handler: ({ say }) => say,
});
const CALLS = [
  { id: "a", tool: echo, arguments: { say: 1 }, branch: "one" },
  { id: "b", tool: echo, arguments: { say: 5 }, branch: "two" },
];

describe("functions that judge", () => {
  it("a scorer decides between branches, given their results", async () => {
    const seen: (readonly JudgedResult[])[] = [];
    const score: Scorer = (results) => {
      seen.push(results);
      return Number(results[0]?.output);
    };
    const group = { group: "g", policy: "top_n", keep: 1, score } as const;
    const report = await run(CALLS, {
      tools: [echo],
      branches: { one: group, two: group },
      aggregate: "best",
    }).report();
    expect(report.branches).toEqual({
      one: { status: "lost", group: "g", score: 1 },
      two: { status: "won", group: "g", score: 5 },
    });
    expect(report.aggregate).toMatchObject({ call: "b", outputJson: "5" });
    expect(seen).toContainEqual([{ id: "a", tool: "scorer", status: "succeeded", output: 1 }]);
  });

  it("an aggregator makes one value of all results, and failing fails nothing but itself", async () => {
    const branches = { one: {}, two: {} };
    const sum: Aggregator = (results) =>
      results.map(({ id, branch, output }) => [id, branch, output]);
    const summed = await run(CALLS, { tools: [echo], branches, aggregate: sum }).report();
    expect(summed.aggregate?.outputJson).toBe('[["a","one",1],["b","two",5]]');
    const failing: Aggregator = () => {
      throw new Error("no");
    };
    const failed = await run(CALLS, { tools: [echo], branches, aggregate: failing }).report();
    expect(failed.aggregate?.error?.code).toBe("tool_error");
    expect(failed.results.slice(0, 2).map(({ status }) => status)).toEqual([
      "succeeded",
      "succeeded",
    ]);
  });
});
