/** Every field of the policy's speculation changes behaviour; test/node/field-inventory.test.ts keeps this list complete. */

import { expect, it } from "vitest";

import type { UnknownObject } from "../../dev/http/json.ts";
import { chat, waitTool } from "./field-scene.ts";
import { becomes, newTenant, toolRequests, unique } from "./scene.ts";

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
