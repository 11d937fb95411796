/** A thousand streams of the unmodified client, of every shape: no inner turn ever shows. */

import type OpenAI from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";

import { objectOf, type UnknownObject } from "../../dev/http/json.ts";
import { startModelServer, type ModelServer } from "../../dev/model-server.ts";
import { clientOf, newTenant, plain, scripted } from "./scene.ts";

const STREAMS = 1000;
const AT_ONCE = 16;

const own: OpenAI.ChatCompletionTool = {
  type: "function",
  function: { name: "mine", parameters: { type: "object", properties: {} } },
};

let model: ModelServer;
beforeAll(async () => {
  model = await startModelServer();
});
afterAll(() => model.close());

const gatewayCall = (n: number) => ({ name: "compute", arguments: { expression: `${n} + 1` } });
const ownCall = { name: "mine", arguments: {} };

/** What a stream is asked and how it must end; the shapes take turns. */
function shapeOf(n: number): { turns: UnknownObject[]; finish: string; calls: number } {
  const say = { text: `Result ${n}` };
  const plainText = { turns: [say], finish: "stop", calls: 0 };
  const oneTool = { ...plainText, turns: [{ text: "a ", calls: [gatewayCall(n)] }, say] };
  const threeTurns = {
    ...plainText,
    turns: [{ calls: [gatewayCall(n), gatewayCall(n + 1)] }, { calls: [gatewayCall(n)] }, say],
  };
  const nonsense = {
    ...plainText,
    turns: [
      { calls: [{ name: "compute", arguments: "{broken" }] },
      { calls: [{ name: "none" }] },
      say,
    ],
  };
  const mixed = {
    turns: [{ text: "b ", calls: [gatewayCall(n), ownCall] }],
    finish: "tool_calls",
    calls: 1,
  };
  const ownLater = {
    turns: [{ calls: [gatewayCall(n)] }, { calls: [ownCall, ownCall] }],
    finish: "tool_calls",
    calls: 2,
  };
  const shapes = [oneTool, threeTurns, mixed, plainText, oneTool, nonsense, ownLater, threeTurns];
  return shapes[n % shapes.length] ?? plainText;
}

/** Everything wrong with one stream, in words. */
async function faultsOf(client: OpenAI, n: number): Promise<string[]> {
  const { turns, finish, calls } = shapeOf(n);
  const stream = await client.chat.completions.create({
    model: "scripted-1",
    messages: [scripted(...turns)],
    tools: [own],
    stream: true,
  });
  const faults: string[] = [];
  const finishes: string[] = [];
  const indexes = new Set<number>();
  const ids = new Set<string>();
  let isSummed = false;
  for await (const chunk of stream) {
    ids.add(chunk.id);
    isSummed ||= typeof objectOf(plain(chunk), "x_gw")["run"] === "string";
    for (const { delta, finish_reason: reason } of chunk.choices) {
      if (finishes.length > 0) faults.push("a choice after the finish reason");
      if (delta.role !== undefined && delta.role !== "assistant") faults.push(`role ${delta.role}`);
      if (reason !== null) finishes.push(reason);
      for (const part of delta.tool_calls ?? []) {
        indexes.add(part.index);
        const name = part.function?.name;
        if (name !== undefined && name !== "mine") faults.push(`gateway call ${name}`);
      }
    }
  }
  if (finishes.join() !== finish) faults.push(`finish ${finishes.join()} instead of ${finish}`);
  if (ids.size !== 1) faults.push(`${ids.size} ids`);
  if (indexes.size !== calls || [...indexes].some((index) => index >= calls))
    faults.push("indexes");
  if (!isSummed) faults.push("no x_gw");
  return faults.map((fault) => `stream ${n}: ${fault}`);
}

it("never shows an inner finish_reason, role tool or gateway call in 1,000 streams", async () => {
  const tenant = await newTenant({
    modelBaseUrl: `${model.url}/v1`,
    tools: {
      compute: {
        description: "Calculates",
        input: {
          type: "object",
          properties: { expression: { type: "string" } },
          required: ["expression"],
        },
        effect: "pure",
        builtin: "calculator",
      },
    },
    policy: { limits: { requests: [{ limit: 100_000, window_s: 60 }] } },
  });
  const client = clientOf(tenant, { maxRetries: 2 });
  let next = 0;
  const faults: string[] = [];
  const lane = async () => {
    while (next < STREAMS) {
      next += 1;
      faults.push(...(await faultsOf(client, next)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  expect(faults).toEqual([]);
}, 120_000);
