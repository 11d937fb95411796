/** `POST /v1/runs` with calls that refer to each other's results: one plan, run as a dataflow. */

import { beforeAll, describe, expect, it } from "vitest";

import { listOf, objectOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { echoTool, resultsOf } from "./field-scene.ts";
import {
  eventsOf,
  newTenant,
  plain,
  pointersOf,
  send,
  servers,
  testTools,
  toolRequests,
  unique,
  type TestTenant,
} from "./scene.ts";

const ANY = { type: "object", properties: { v: {}, w: {} } };

let tenant: TestTenant;
beforeAll(async () => {
  const mark = unique("k");
  const body = { input: ANY };
  const made = await newTenant({
    tools: {
      ...testTools(mark),
      echo: echoTool({ method: "POST", query: { k: mark }, body: "json" }, body),
      calculate: {
        description: "Calculates",
        input: {
          type: "object",
          properties: { expression: { type: "string" } },
          required: ["expression"],
          additionalProperties: false,
        },
        output: {
          type: "object",
          properties: { expression: { type: "string" }, value: { type: "number" } },
          additionalProperties: false,
        },
        effect: "pure",
        http: { method: "POST", url: `${servers.tools}/calculate`, query: { k: mark } },
      },
    },
  });
  tenant = { ...made, mark };
});

function run(calls: readonly UnknownObject[], more: object = {}, headers = {}) {
  return send("POST", "/v1/runs", { key: tenant.apiKey, body: { calls, ...more }, headers });
}

const calculate = (id: string, expression: unknown): UnknownObject => ({
  id,
  tool: "calculate",
  arguments: { expression },
});

/** What an echoing call sent. */
function sentBy(result: UnknownObject | undefined): unknown {
  return objectOf(plain(result), "output")["body"];
}

const DIAMOND = [
  calculate("d", { $tmpl: "${b#/value} * ${c#/value}" }),
  calculate("b", { $tmpl: "${a#/value} + 1" }),
  calculate("c", { $tmpl: "${a#/value} + 2" }),
  calculate("a", "2 + 3"),
];

describe("POST /v1/runs", () => {
  it.each(["parallel", "sequential"])(
    "200: a %s run follows references in any order of calls",
    async (mode) => {
      const answer = await run(DIAMOND, { mode });
      expect(answer.status).toBe(200);
      expect(textOf(answer.json, "status")).toBe("completed");
      expect(
        resultsOf(answer).map(({ id, output }) => [id, objectOf({ output }, "output")["value"]]),
      ).toEqual([
        ["d", 42],
        ["b", 6],
        ["c", 7],
        ["a", 5],
      ]);
    },
  );

  it("200 with results as data: what looks like a reference in one stays what it is", async () => {
    const hostile = { $ref: "a#/secret", t: "${a#/secret}" };
    const answer = await run([
      { id: "a", tool: "echo", arguments: { v: { $literal: { $ref: "a#/x" } }, w: hostile } },
      {
        id: "b",
        tool: "echo",
        arguments: {
          v: { $ref: "a#/body/v" },
          w: [{ $ref: "a#/body/w" }, { $tmpl: "${a#/body/w/t}" }],
        },
      },
    ]);
    const [, second] = resultsOf(answer);
    expect(sentBy(second)).toEqual({ v: { $ref: "a#/x" }, w: [hostile, "${a#/secret}"] });
  });

  it("200: a place that is not there fails that call, skips what needs it, and the others go on", async () => {
    const answer = await run([
      { id: "a", tool: "echo", arguments: { v: 1 } },
      { id: "lost", tool: "echo", arguments: { v: [{ $ref: "a#/body/v/deeper" }] } },
      { id: "after", tool: "echo", arguments: { v: { $ref: "lost#" } } },
      { id: "last", tool: "echo", arguments: { v: { $ref: "after#" } } },
      { id: "beside", tool: "echo", arguments: { v: { $ref: "a#/body/v" } } },
    ]);
    expect(textOf(answer.json, "status")).toBe("partial");
    const results = resultsOf(answer);
    expect(results.map(({ id, status }) => `${String(id)} ${String(status)}`)).toEqual([
      "a succeeded",
      "lost failed",
      "after skipped",
      "last skipped",
      "beside succeeded",
    ]);
    expect(objectOf(plain(results[1]), "error")).toEqual({
      code: "reference_unresolved",
      message: '/v/0/$ref: the result of "a" has no /body/v/deeper.',
    });
    expect(objectOf(plain(results[2]), "error")["code"]).toBe("dependency_failed");
  });

  it("200: arguments that results make unfit fail that call before it is sent", async () => {
    const answer = await run([
      { id: "a", tool: "echo", arguments: { v: "soon" } },
      { id: "b", tool: "wait", arguments: { ms: { $ref: "a#/body/v" } } },
    ]);
    const error = objectOf(plain(resultsOf(answer)[1]), "error");
    expect([error["code"], resultsOf(answer)[1]?.["attempts"]]).toEqual(["arguments_invalid", 0]);
    expect(error["message"]).toContain("/ms: Must be of type integer.");
  });

  it("422 with every place and nothing sent: unknown label, cycle, impossible place, wrong type", async () => {
    const before = await toolRequests(tenant.mark);
    const answer = await run([
      calculate("a", { $tmpl: "${b#/value}" }),
      calculate("b", { $ref: "a#/expression" }),
      calculate("c", { $ref: "nobody#/x" }),
      calculate("d", { $ref: "e#/total" }),
      calculate("e", "1"),
      { id: "f", tool: "wait", arguments: { ms: { $ref: "e#/expression" } } },
      { id: "g", tool: "wait", arguments: { ms: 1, n: { $ref: "g#/n" } } },
    ]);
    expect(answer.status).toBe(422);
    expect(pointersOf(answer)).toEqual([
      "/calls/0/arguments/expression/$tmpl",
      "/calls/1/arguments/expression/$ref",
      "/calls/2/arguments/expression/$ref",
      "/calls/3/arguments/expression/$ref",
      "/calls/5/arguments/ms/$ref",
      "/calls/6/arguments/n/$ref",
    ]);
    const messages = listOf(answer.json, "violations").map((one) => textOf(plain(one), "message"));
    expect(messages[0]).toBe("These calls wait for each other: a -> b -> a.");
    expect(messages[5]).toBe("A call cannot refer to its own result: g -> g.");
    expect(await toolRequests(tenant.mark)).toEqual(before);
  });

  it("200 under an Idempotency-Key: the plan runs in its journal, and once", async () => {
    const headers = { "idempotency-key": unique("plan") };
    const first = await run(DIAMOND, {}, headers);
    const { started } = await toolRequests(tenant.mark);
    const again = await run(DIAMOND, {}, headers);
    expect([first.status, again.text]).toEqual([200, first.text]);
    expect(objectOf(plain(resultsOf(first)[0]), "output")["value"]).toBe(42);
    expect((await toolRequests(tenant.mark)).started).toBe(started);
  });

  it("200 streamed: a call starts when what it needs has ended, not when everything has", async () => {
    const answer = await run(
      [
        { id: "slow", tool: "wait", arguments: { ms: 600 } },
        { id: "quick", tool: "wait", arguments: { ms: 1 } },
        { id: "next", tool: "wait", arguments: { ms: { $ref: "quick#/ms" } } },
      ],
      { stream: true },
    );
    const told = eventsOf(answer.text).map(({ type, id }) => `${String(type)} ${String(id)}`);
    expect(told.indexOf("call.completed next")).toBeLessThan(told.indexOf("call.completed slow"));
    expect(told.indexOf("call.started next")).toBeGreaterThan(told.indexOf("call.completed quick"));
  });
});
