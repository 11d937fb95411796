/** Kept answers of models: exactly the same deterministic request is answered again without the model, streamed or whole. */

import { describe, expect, it } from "vitest";

import { listOf, objectOf, type UnknownObject } from "../../dev/http/json.ts";
import { chat, echoTool, saidBy } from "./field-scene.ts";
import { becomes, eventsOf, newTenant, plain, servers, type TestTenant } from "./scene.ts";

const KEPT = { upstream: { cache: { ttl_s: 300 } } };
const TURNS = [{ text: "The same words." }];

/** What the gateway says of an answer that is not streamed. */
async function asked(tenant: TestTenant, body: object, turns: readonly UnknownObject[] = TURNS) {
  const answer = await chat(tenant, turns, body);
  const usage = objectOf(answer.json, "usage");
  return { text: saidBy(answer).text, usage, gw: objectOf(answer.json, "x_gw") };
}

const isKept = (gw: UnknownObject): boolean => "cached_answers" in gw;

async function warm(tenant: TestTenant, body: object): Promise<UnknownObject> {
  const first = await asked(tenant, body);
  expect(isKept(first.gw)).toBe(false);
  expect(await becomes(async () => isKept((await asked(tenant, body)).gw), 5000)).toBe(true);
  return first.usage;
}

describe("the same deterministic request", () => {
  it("is answered again without the model, costs nothing and says what it saved", async () => {
    const tenant = await newTenant({ modelBaseUrl: `${servers.model}/v1`, ...KEPT, tools: {} });
    const usage = await warm(tenant, { temperature: 0 });
    const again = await asked(tenant, { temperature: 0 });
    expect(again.text).toBe("The same words.");
    expect(again.usage).toMatchObject({ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 });
    expect(again.gw["cached_answers"]).toMatchObject({ count: 1, usage });
  });

  it("is told again as a stream, from an answer that was not one, and the other way round", async () => {
    const tenant = await newTenant({ ...KEPT, tools: {} });
    await warm(tenant, { temperature: 0 });
    const streamed = await chat(tenant, TURNS, { temperature: 0, stream: true });
    const events = eventsOf(streamed.text);
    const text = events
      .flatMap((event) => listOf(event, "choices"))
      .map((choice) => objectOf(plain(choice), "delta")["content"] ?? "");
    expect(text.join("")).toBe("The same words.");
    expect(events.some((event) => isKept(objectOf(event, "x_gw")))).toBe(true);
  });

  it("is asked anew after everything was invalidated, and by another tenant", async () => {
    const tenant = await newTenant({ ...KEPT, tools: {} });
    const other = await newTenant({ ...KEPT, tools: {} });
    await warm(tenant, { temperature: 0 });
    expect(isKept((await asked(other, { temperature: 0 })).gw)).toBe(false);
    await tenant.call("POST", "/v1/cache/invalidate", { all: true });
    expect(isKept((await asked(tenant, { temperature: 0 })).gw)).toBe(false);
  });

  it("keeps the calls of a tool that reads, which are made again", async () => {
    const tenant = await newTenant({ ...KEPT, tools: { look: echoTool() } });
    const turns = [{ calls: [{ name: "look", arguments: { q: "x" } }] }, { text: "Done." }];
    const ask = () => asked(tenant, { temperature: 0 }, turns);
    await ask();
    const counted = async () => objectOf((await ask()).gw, "cached_answers")["count"];
    expect(await becomes(async () => (await counted()) !== undefined, 5000)).toBe(true);
    expect((await ask()).gw).toMatchObject({ turns: 2, calls: 1 });
  });
});

describe("a request is never answered from what was kept", () => {
  const mine = { type: "function", function: { name: "mine", parameters: { type: "object" } } };

  it.each([
    ["without a temperature", {}],
    ["with a temperature", { temperature: 0.5 }],
    ["with tools of the client's own", { temperature: 0, tools: [mine] }],
  ])("%s", async (_, body) => {
    const tenant = await newTenant({ ...KEPT, tools: {} });
    for (let n = 0; n < 3; n += 1) expect(isKept((await asked(tenant, body)).gw)).toBe(false);
  });

  it("with tools that write, or while the policy switches caches off", async () => {
    const writing = await newTenant({
      ...KEPT,
      tools: { save: echoTool({}, { effect: "write" }) },
    });
    const off = await newTenant({ ...KEPT, tools: {}, policy: { cache: { enabled: false } } });
    for (const tenant of [writing, off]) {
      for (let n = 0; n < 3; n += 1)
        expect(isKept((await asked(tenant, { temperature: 0 })).gw)).toBe(false);
    }
  });

  it("that broke off before it was complete", async () => {
    const tenant = await newTenant({ modelBaseUrl: `${servers.fault}/v1`, ...KEPT, tools: {} });
    for (const model of ["end-mid-stream", "error-in-stream"]) {
      for (let n = 0; n < 2; n += 1) {
        const answer = await chat(tenant, [], { model, temperature: 0, stream: true });
        expect([model, answer.text.includes("cached_answers")]).toEqual([model, false]);
        expect([model, answer.text.includes('"error"')]).toEqual([model, true]);
      }
    }
  });
});
