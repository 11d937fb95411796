/** Chains over HTTP: refused where they cannot be, one tool for a model, aborted with the run. */

import { describe, expect, it } from "vitest";

import { listOf, objectOf, textOf } from "../../dev/http/json.ts";
import { chat, echoTool, resultsOf, run, saidBy, waitTool } from "./field-scene.ts";
import {
  becomes,
  eventsOf,
  gateway,
  newTenant,
  pointersOf,
  send,
  toolRequests,
  unique,
} from "./scene.ts";

const ref = ($ref: string) => ({ $ref });

function chainTool(calls: readonly object[], output: string, more: object = {}): object {
  return {
    description: "A chain",
    input: { type: "object", properties: { x: { type: "integer" } }, required: ["x"] },
    chain: { calls, output: ref(output) },
    ...more,
  };
}

const SUM = {
  description: "Calculates",
  input: { type: "object", properties: { expression: { type: "string" } } },
  effect: "pure",
  builtin: "calculator",
};

const double = { id: "a", tool: "sum", arguments: { expression: { $tmpl: "${input#/x} * 2" } } };

describe("PUT /v1/tools with a chain", () => {
  it("422 names unknown tools, labels and places, and stores nothing", async () => {
    const tenant = await newTenant({ tools: { sum: SUM } });
    const answer = await send("PUT", "/v1/tools/main", {
      key: tenant.apiKey,
      body: chainTool([{ id: "a", tool: "nobody", arguments: { x: ref("b#") } }], "input#/y"),
    });
    expect(answer.status).toBe(422);
    expect(pointersOf(answer)).toEqual([
      "/chain/calls/0/arguments/x/$ref",
      "/chain/calls/0/tool",
      "/chain/output/$ref",
    ]);
    expect((await send("GET", "/v1/tools/main", { key: tenant.apiKey })).status).toBe(404);
  });

  it("400 for a loop without a condition and for a field nobody knows", async () => {
    const tenant = await newTenant({ tools: { sum: SUM } });
    for (const [more, pointer] of [
      [{ loop: { max: 3 } }, "/chain/calls/0/loop/until"],
      [{ repeat: 3 }, "/chain/calls/0/repeat"],
    ] as const) {
      const body = chainTool([{ ...double, ...more }], "a#");
      const answer = await send("PUT", "/v1/tools/main", { key: tenant.apiKey, body });
      expect(answer.status).toBe(400);
      expect(pointersOf(answer)).toEqual([pointer]);
    }
  });

  it("422 shows the circle when a chain would come to call itself through others", async () => {
    const tenant = await newTenant({
      tools: { sum: SUM, inner: SUM, main: chainTool([{ id: "a", tool: "inner" }], "a#") },
    });
    const answer = await send("PUT", "/v1/tools/inner", {
      key: tenant.apiKey,
      body: chainTool([{ id: "a", tool: "main", arguments: { x: 1 } }], "a#"),
    });
    expect(answer.status).toBe(422);
    expect(answer.text).toContain("inner → main → inner");
    const stored = await send("GET", "/v1/tools/inner", { key: tenant.apiKey });
    expect(textOf(stored.json, "builtin")).toBe("calculator");
  });
});

describe("a chain", () => {
  it("is one tool for a model, and its steps are nobody else's business", async () => {
    const tenant = await newTenant({
      tools: { sum: SUM, twice: chainTool([double], "a#", { effect: "pure" }) },
    });
    const answer = await chat(
      tenant,
      [{ calls: [{ name: "twice", arguments: { x: 21 } }] }, { text: "Done." }],
      {},
      { "x-gw-events": "tools" },
    );
    expect(saidBy(answer).text).toBe("Done.");
    expect(objectOf(answer.json, "x_gw")).toMatchObject({ calls: 1 });
    const direct = await run(tenant, [{ tool: "twice", arguments: { x: 21 } }]);
    expect(resultsOf(direct)).toEqual([
      expect.objectContaining({ status: "succeeded", output: { result: 42 } }),
    ]);
  });

  it("has its result held against its output schema", async () => {
    const output = { type: "object", properties: { result: { type: "string" } } };
    const tenant = await newTenant({
      tools: { sum: SUM, twice: chainTool([double], "a#", { output }) },
    });
    const answer = await run(tenant, [{ tool: "twice", arguments: { x: 1 } }]);
    expect(resultsOf(answer)[0]).toMatchObject({ error: { code: "result_invalid" } });
  });

  it("never makes a step that has to be approved", async () => {
    const tenant = await newTenant({
      tools: {
        careful: echoTool({}, { requires_approval: "always" }),
        main: chainTool([{ id: "a", tool: "careful" }], "a#"),
      },
    });
    const answer = await run(tenant, [{ tool: "main", arguments: { x: 1 } }]);
    expect(resultsOf(answer)[0]).toMatchObject({ error: { code: "approval_required" } });
  });

  it("stops all its steps when its call is cancelled", async () => {
    const mark = unique("k");
    const steps = {
      id: "a",
      tool: "wait",
      map: { over: ref("list#"), max_parallel: 3 },
      arguments: { q: { $tmpl: "${item#}" } },
    };
    const list = { id: "list", tool: "listing" };
    const tenant = await newTenant({
      tools: {
        sum: SUM,
        wait: waitTool(20_000, mark),
        listing: chainTool(
          [{ id: "b", tool: "sum", arguments: { expression: "1" } }],
          "input#/list",
          {
            input: { type: "object", properties: { list: {} } },
          },
        ),
        main: chainTool([steps, { ...list, arguments: { list: [1, 2, 3, 4, 5] } }], "a#"),
      },
    });
    const response = await fetch(`${gateway.baseUrl}/v1/runs`, {
      method: "POST",
      headers: { authorization: `Bearer ${tenant.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({
        calls: [{ id: "m", tool: "main", arguments: { x: 1 } }],
        stream: true,
      }),
    });
    const id = response.headers.get("x-gw-run") ?? "";
    const text = response.text();
    expect(await becomes(async () => (await toolRequests(mark)).open === 3, 5_000)).toBe(true);
    const body = { call: "m" };
    await send("POST", `/v1/runs/${id}/cancel`, { key: tenant.apiKey, body });
    expect(await becomes(async () => (await toolRequests(mark)).open === 0, 2_000)).toBe(true);
    const last = eventsOf(await text).at(-1) ?? {};
    expect(listOf(last, "results")).toEqual([expect.objectContaining({ status: "cancelled" })]);
    expect((await toolRequests(mark)).started).toBe(3);
  });
});
