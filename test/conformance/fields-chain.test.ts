/** Every field of a chain changes behaviour; test/node/field-inventory.test.ts keeps this list complete. */

import { beforeAll, expect, it } from "vitest";

import { objectOf, textOf } from "../../dev/http/json.ts";
import { echoTool, run, resultsOf, waitTool } from "./field-scene.ts";
import { newTenant, toolRequests, unique, type TestTenant } from "./scene.ts";

const ref = ($ref: string) => ({ $ref });

let tenant: TestTenant;
const marks = { slow: unique("k"), broken: unique("k") };

beforeAll(async () => {
  const any = { type: "object" };
  const sum = { type: "object", properties: { expression: { type: "string" } } };
  tenant = await newTenant({
    // The broken tool is asked in every test.
    policy: { resilience: { breaker: { enabled: false } } },
    tools: {
      say: echoTool({ method: "POST", body: "json" }, { input: any }),
      sum: { description: "Calculates", input: sum, effect: "pure", builtin: "calculator" },
      slow: waitTool(400, marks.slow),
      broken: echoTool({ query: { k: marks.broken, fault: "500" } }, { input: any }),
    },
  });
});

/** What one call of a chain of these steps gives: its output, or the code of its error. */
async function resultOf(
  calls: readonly object[],
  output: string,
  input: object = {},
): Promise<unknown> {
  await tenant.call("PUT", "/v1/tools/main", {
    description: "A chain",
    input: { type: "object" },
    effect: "read",
    chain: { calls, output: ref(output) },
  });
  const answer = await run(tenant, [{ tool: "main", arguments: input }]);
  const [result = {}] = resultsOf(answer);
  return textOf(objectOf(result, "error"), "code") ?? result["output"];
}

const sum = (id: string, expression: unknown, more: object = {}) => ({
  id,
  tool: "sum",
  arguments: { expression },
  ...more,
});

it("tool/chain/calls[]/id: is what other steps call it", async () => {
  const uses = (label: string) => sum("out", { $tmpl: `\${${label}#/result} + 1` });
  expect(await resultOf([sum("six", "6"), uses("six")], "out#/result")).toBe(7);
  await expect(resultOf([sum("six", "6"), uses("seven")], "out#")).rejects.toMatchObject({
    status: 422,
  });
});

it("tool/chain/calls[]/tool: is the tool that is called", async () => {
  expect(await resultOf([sum("a", "2 * 3")], "a#/result")).toBe(6);
  const say = { id: "a", tool: "say", arguments: { expression: "2 * 3" } };
  expect(await resultOf([say], "a#/body")).toEqual({ expression: "2 * 3" });
});

it("tool/chain/calls[]/arguments: are what it is called with, references filled in", async () => {
  const say = { id: "a", tool: "say", arguments: { city: ref("input#/city"), plain: 1 } };
  expect(await resultOf([say], "a#/body", { city: "Oslo" })).toEqual({ city: "Oslo", plain: 1 });
});

it("tool/chain/calls[]/after: holds a step back", async () => {
  const startedMs = async (after: readonly string[]) => {
    await resultOf([{ id: "a", tool: "slow" }, sum("b", "1", { after })], "b#");
    const answer = await run(tenant, [{ tool: "main" }], { stream: true });
    const started = /"id":"call_1\/b","tool":"sum","started_ms":(\d+)/.exec(answer.text)?.[1];
    return Number(started);
  };
  expect(await startedMs([])).toBeLessThan(350);
  expect(await startedMs(["a"])).toBeGreaterThanOrEqual(350);
});

it("tool/chain/calls[]/when: skips a step; what refers to it gets null", async () => {
  const steps = (when: object) => [sum("a", "5", { when }), sum("b", "6")];
  expect(await resultOf(steps({ left: 1, op: "==", right: 1 }), "a#/result")).toBe(5);
  expect(await resultOf(steps({ left: 1, op: "==", right: 2 }), "a#/result")).toBe(null);
});

it("tool/chain/calls[]/when/$ref: is true unless it is null, false, 0 or empty", async () => {
  const steps = [sum("a", "5", { when: ref("input#/go") })];
  for (const [go, expected] of [
    [1, 5],
    ["no", 5],
    [0, null],
    ["", null],
    [[], null],
  ] as const)
    expect(await resultOf(steps, "a#/result", { go })).toBe(expected);
});

const whenSteps = (when: object) => [sum("four", "4"), sum("a", "5", { when })];

it("tool/chain/calls[]/when/left: is one side of the comparison", async () => {
  const when = (left: unknown) => whenSteps({ left, op: "<", right: 5 });
  expect(await resultOf(when(ref("four#/result")), "a#/result")).toBe(5);
  expect(await resultOf(when(6), "a#/result")).toBe(null);
});

it("tool/chain/calls[]/when/op: is how the two compare", async () => {
  const values = [];
  for (const op of ["==", "!=", "<", "<=", ">", ">="])
    values.push(
      await resultOf(whenSteps({ left: ref("four#/result"), op, right: 4 }), "a#/result"),
    );
  expect(values).toEqual([5, null, null, 5, null, 5]);
});

it("tool/chain/calls[]/when/right: is the other side", async () => {
  const when = (right: unknown) => whenSteps({ left: 4, op: "==", right });
  expect(await resultOf(when(ref("four#/result")), "a#/result")).toBe(5);
  expect(await resultOf(when(3), "a#/result")).toBe(null);
});

const mapped = (map: object = {}) => ({
  id: "a",
  tool: "slow",
  arguments: { q: { $tmpl: "${item#}" } },
  map: { over: ref("input#/list"), ...map },
});

it("tool/chain/calls[]/map/over/$ref: is the list that is gone through, in its order", async () => {
  const double = sum(
    "a",
    { $tmpl: "${item#} * 2 + ${index#}" },
    { map: { over: ref("input#/x") } },
  );
  const inputs = { x: [1, 2, 3] };
  const results = [{ result: 2 }, { result: 5 }, { result: 8 }];
  expect(await resultOf([double], "a#", inputs)).toEqual(results);
  expect(await resultOf([double], "a#", { x: 7 })).toBe("arguments_invalid");
});

it("tool/chain/calls[]/map/max_parallel: is how many of its calls go on at once", async () => {
  for (const [max_parallel, least, most] of [
    [1, 1, 1],
    [3, 2, 3],
  ] as const) {
    const mark = unique("k");
    await tenant.call("PUT", "/v1/tools/slow", waitTool(400, mark));
    await resultOf([mapped({ max_parallel })], "a#", { list: [1, 2, 3, 4] });
    const { peak } = await toolRequests(mark);
    expect(peak).toBeGreaterThanOrEqual(least);
    expect(peak).toBeLessThanOrEqual(most);
  }
});

it("tool/chain/calls[]/map/limit: fails the step for a longer list, before its first call", async () => {
  const steps = [sum("a", "1", { map: { over: ref("input#/list"), limit: 2 } })];
  expect(await resultOf(steps, "a#/1/result", { list: [0, 0] })).toBe(1);
  expect(await resultOf(steps, "a#", { list: [0, 0, 0] })).toBe("list_too_long");
});

const reduced = (reduce: object = {}) => ({
  id: "a",
  arguments: { expression: { $tmpl: "${acc#/result} - ${item#/result}" } },
  reduce: { over: ref("list#"), tool: "sum", ...reduce },
});
const listStep = sum("list", { $tmpl: "${item#}" }, { map: { over: ref("input#/list") } });

it("tool/chain/calls[]/reduce/over/$ref: is the list that is folded, from its first item on", async () => {
  const steps = [listStep, reduced()];
  expect(await resultOf(steps, "a#/result", { list: [20, 3, 4] })).toBe(13);
  expect(await resultOf(steps, "a#/result", { list: [] })).toBe(null);
});

it("tool/chain/calls[]/reduce/tool: is the tool that folds", async () => {
  const say = { ...reduced({ tool: "say" }), arguments: { item: ref("item#/result") } };
  expect(await resultOf([listStep, say], "a#/body", { list: [1, 2] })).toEqual({ item: 2 });
  expect(await resultOf([listStep, reduced()], "a#/result", { list: [1, 2] })).toBe(-1);
});

it("tool/chain/calls[]/reduce/initial: is what the first call begins with", async () => {
  const steps = [listStep, reduced({ initial: { result: 100 } })];
  expect(await resultOf(steps, "a#/result", { list: [20, 3] })).toBe(77);
  expect(await resultOf(steps, "a#/result", { list: [] })).toBe(100);
});

/** Doubles, beginning with 1 in the round of index 0. */
const looped = (until: object, more: object = {}) => [
  sum("a", { $tmpl: "2 ^ ${index#}" }, { loop: { until, ...more } }),
];

it("tool/chain/calls[]/loop/until/left: is one side of what ends it", async () => {
  const until = (left: unknown) => looped({ left, op: ">=", right: 3 });
  expect(await resultOf(until(ref("last#/result")), "a#/result")).toBe(4);
  expect(await resultOf(until(ref("index#")), "a#/result")).toBe(8);
});

it("tool/chain/calls[]/loop/until/op: is how the two compare", async () => {
  const until = (op: string) => looped({ left: ref("last#/result"), op, right: 2 });
  expect(await resultOf(until("=="), "a#/result")).toBe(2);
  expect(await resultOf(until(">"), "a#/result")).toBe(4);
});

it("tool/chain/calls[]/loop/until/right: is the other side", async () => {
  const until = (right: unknown) => looped({ left: ref("last#/result"), op: ">=", right });
  expect(await resultOf(until(16), "a#/result")).toBe(16);
  expect(await resultOf(until(ref("input#/n")), "a#/result", { n: 5 })).toBe(8);
});

it("tool/chain/calls[]/loop/max: fails the step when that many rounds were not enough", async () => {
  const until = { left: ref("last#/result"), op: ">=", right: 4 };
  expect(await resultOf(looped(until, { max: 3 }), "a#/result")).toBe(4);
  expect(await resultOf(looped(until, { max: 2 }), "a#/result")).toBe("loop_limit");
});

it("tool/chain/calls[]/retry/max_attempts: is how often a failing read is called", async () => {
  for (const max_attempts of [1, 3]) {
    const before = (await toolRequests(marks.broken)).started;
    const steps = [{ id: "a", tool: "broken", retry: { max_attempts } }];
    expect(await resultOf(steps, "a#")).toBe("upstream_status");
    expect((await toolRequests(marks.broken)).started - before).toBe(max_attempts);
  }
});

it("tool/chain/calls[]/timeout_ms: ends a call of the step", async () => {
  const wait = waitTool(1_500, unique("k"));
  await tenant.call("PUT", "/v1/tools/wait", wait);
  const steps = (timeout_ms: number) => [{ id: "a", tool: "wait", timeout_ms }];
  expect(await resultOf(steps(200), "a#")).toBe("tool_timeout");
  expect(await resultOf(steps(8_000), "a#/ms")).toBe(1_500);
});

const failing = (on_failure: unknown) => [{ id: "a", tool: "broken", on_failure }, sum("b", "1")];

it("tool/chain/calls[]/on_failure: ends the chain, or leaves the step out", async () => {
  expect(await resultOf(failing("fail"), "b#/result")).toBe("upstream_status");
  expect(await resultOf(failing("skip"), "b#/result")).toBe(1);
  expect(await resultOf(failing("skip"), "a#/x")).toBe(null);
});

it("tool/chain/calls[]/on_failure/default: is the step's result when it failed", async () => {
  expect(await resultOf(failing({ default: { x: 7 } }), "a#/x")).toBe(7);
});

it("tool/chain/output/$ref: is the chain's result", async () => {
  const steps = [sum("a", "1"), sum("b", "2")];
  expect(await resultOf(steps, "a#/result")).toBe(1);
  expect(await resultOf(steps, "b#")).toEqual({ result: 2 });
  expect(await resultOf(steps, "input#", { x: 1 })).toEqual({ x: 1 });
  expect(await resultOf(steps, "b#/nothing")).toBe("reference_unresolved");
});
