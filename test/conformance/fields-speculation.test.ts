/** Every field of the policy's speculation changes behaviour; test/node/field-inventory.test.ts keeps this list complete. */

import { expect, it } from "vitest";

import { objectOf, type UnknownObject } from "../../dev/http/json.ts";
import { listen } from "../../dev/http/listen.ts";
import { chat, waitTool } from "./field-scene.ts";
import { becomes, newTenant, send, toolRequests, unique } from "./scene.ts";

const SURE = { enabled: true, budget: 1, confidence_threshold: 0.3 };

/** Whether a tenant that often asked the same way has its tool called before the model has said anything. */
async function isGuessed(speculation: UnknownObject): Promise<boolean> {
  const mark = unique("k");
  const tenant = await newTenant({
    tools: { step: waitTool(0, mark) },
    policy: { runs: { speculation } },
  });
  const asks = (delay_ms: number) =>
    chat(tenant, [
      { calls: [{ name: "step", arguments: { q: "same" } }], delay_ms },
      { text: "." },
    ]);
  for (let n = 0; n < 6; n += 1) expect((await asks(0)).status).toBe(200);
  const { started } = await toolRequests(mark);
  const answer = asks(1500);
  const guessed = await becomes(async () => (await toolRequests(mark)).started > started, 1000);
  expect((await answer).status).toBe(200);
  // Guessed or not, the call is made once.
  expect((await toolRequests(mark)).started).toBe(started + 1);
  return guessed;
}

it("policy/runs/speculation/enabled: starts calls before the model asks for them", async () => {
  expect(await isGuessed(SURE)).toBe(true);
  expect(await isGuessed({ ...SURE, enabled: false })).toBe(false);
});

it("policy/runs/speculation/confidence_threshold: is the least probability of a guess", async () => {
  expect(await isGuessed({ ...SURE, confidence_threshold: 1 })).toBe(false);
});

it("policy/runs/speculation/budget: is the share of extra calls, none at 0", async () => {
  expect(await isGuessed({ ...SURE, budget: 0 })).toBe(false);
});

it("policy/runs/speculation/model: asks a small model what the real one will call", async () => {
  const mark = unique("k");
  const foretold = unique("q");
  const small = await smallModel({ name: "step", arguments: { q: foretold } });
  const tenant = await newTenant({
    tools: { step: waitTool(0, mark) },
    upstream: { models: { "scripted-1": {} } },
  });
  const key = tenant.apiKey;
  const upstream = {
    models: { small: {} },
    targets: [{ id: "main", base_url: `${small.url}/v1` }],
  };
  const put = await send("PUT", "/v1/upstreams/small", {
    key,
    body: { kind: "openai", ...upstream },
  });
  expect(put.status).toBe(201);
  const asks = (q: string, delay_ms: number) =>
    chat(tenant, [{ calls: [{ name: "step", arguments: { q } }], delay_ms }, { text: "." }]);
  const runs = (model: string | null) => ({ runs: { speculation: { ...SURE, model } } });
  const patch = async (body: object) =>
    expect((await send("PATCH", "/v1/policy", { key, body })).status).toBe(200);

  await patch(runs(null));
  for (const q of ["1", "2", "3"]) expect((await asks(q, 0)).status).toBe(200);
  expect(small.asked()).toBe(0);
  await patch(runs("small"));
  const { started } = await toolRequests(mark);
  const answer = asks(foretold, 1500);
  expect(await becomes(async () => (await toolRequests(mark)).started > started, 1000)).toBe(true);
  const { json } = await answer;
  expect((await toolRequests(mark)).started).toBe(started + 1);
  const told = objectOf(objectOf(json, "x_gw"), "speculation");
  expect(told).toMatchObject({ hits: 1, predictor: { asked: 2 } });
  // In the second turn it may have answered before the model had.
  const { prompt_tokens: tokens } = objectOf(objectOf(told, "predictor"), "usage");
  expect([11, 22]).toContain(tokens);
  // The real model's own usage is not mixed with it.
  expect([11, 22]).not.toContain(objectOf(json, "usage")["prompt_tokens"]);
  await small.close();
});

/** A model server that always makes this call, and how often it was asked. */
async function smallModel(call: { readonly name: string; readonly arguments: object }) {
  let asked = 0;
  const chunk = (fields: object) =>
    `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "small", ...fields })}\n\n`;
  const delta = (fields: object, finish_reason: string | null = null) =>
    chunk({ choices: [{ index: 0, delta: fields, finish_reason }] });
  const made = {
    index: 0,
    id: "c1",
    type: "function",
    function: { name: call.name, arguments: JSON.stringify(call.arguments) },
  };
  const server = await listen(0, async ({ response }) => {
    asked += 1;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(delta({ role: "assistant", tool_calls: [made] }));
    response.write(delta({}, "tool_calls"));
    response.write(chunk({ choices: [], usage: { prompt_tokens: 11, completion_tokens: 3 } }));
    response.end("data: [DONE]\n\n");
  });
  return { ...server, asked: () => asked };
}
