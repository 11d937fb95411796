/** Every field of a policy's backpressure changes behaviour; test/node/field-inventory.test.ts keeps this list complete. */

import { expect, it } from "vitest";

import type { UnknownObject } from "../../dev/http/json.ts";
import { callsOf, echoTool, run } from "./field-scene.ts";
import { newTenant } from "./scene.ts";

/** Statuses of so many requests at once, of which one a second passes. */
async function statuses(count: number, backpressure: UnknownObject): Promise<readonly number[]> {
  const tenant = await newTenant({
    tools: { echo: echoTool() },
    policy: { limits: { requests: [{ limit: 1, window_s: 1 }] }, backpressure },
  });
  const answers = await Promise.all(
    Array.from({ length: count }, () => run(tenant, callsOf("echo", 1))),
  );
  return answers.map(({ status }) => status).toSorted((a, b) => a - b);
}

it("policy/backpressure/strategy: refuses at once, lets wait, or keeps room for what matters more", async () => {
  expect(await statuses(2, { strategy: "fail_fast" })).toEqual([200, 429]);
  expect(await statuses(2, { strategy: "queue", max_wait_ms: 10_000 })).toEqual([200, 200]);
  const tenant = await newTenant({
    tools: { echo: echoTool() },
    policy: {
      limits: { requests: [{ limit: 4, window_s: 3600 }] },
      backpressure: { strategy: "drop" },
    },
  });
  const ask = async (priority: string) =>
    (await run(tenant, callsOf("echo", 1), {}, { "x-gw-priority": priority })).status;
  const low = [await ask("low"), await ask("low"), await ask("low"), await ask("low")];
  expect(low).toEqual([200, 200, 200, 429]);
  expect([await ask("high"), await ask("urgent")]).toEqual([200, 400]);
});

it("policy/backpressure/max_queue: is how many may wait", async () => {
  const queue = { strategy: "queue", max_wait_ms: 20_000 };
  expect(await statuses(4, { ...queue, max_queue: 10 })).toEqual([200, 200, 200, 200]);
  expect((await statuses(5, { ...queue, max_queue: 1 })).slice(-1)).not.toEqual([200]);
});

it("policy/backpressure/max_wait_ms: is how long each may wait", async () => {
  const queue = { strategy: "queue", max_queue: 10 };
  const short = await statuses(4, { ...queue, max_wait_ms: 100 });
  expect(short.filter((status) => status === 200)).toHaveLength(1);
});
