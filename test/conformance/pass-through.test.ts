/** Routes that pass through: the unmodified `openai` client gets what its provider answers, under the tenant's limits. */

import OpenAI, { toFile } from "openai";
import { describe, expect, it } from "vitest";

import { isObject, listOf } from "../../dev/http/json.ts";
import { PASS_THROUGH } from "../../src/contract/pass-through.ts";
import { clientOf, newTenant, send, servers } from "./scene.ts";

const MODEL = "scripted-1";

/** A tenant whose provider shows what it was sent. */
function echoTenant() {
  return newTenant({
    modelBaseUrl: `${servers.fault}/echo`,
    upstream: { models: { mine: { as: "theirs" } } },
  });
}

describe("embeddings", () => {
  it("come back as the provider made them, in the form the client asked for", async () => {
    const client = clientOf(await newTenant());
    const answer = await client.embeddings.create({
      model: MODEL,
      input: ["the cat sleeps", "a cat sleeps", "stock market"],
    });
    const [one, two, three] = answer.data.map(({ embedding }) => embedding);
    expect(one).toHaveLength(64);
    expect(nearness(one, two)).toBeGreaterThan(nearness(one, three));
    expect(answer.usage.prompt_tokens).toBe(8);
  });

  it("refuse an unknown model with OpenAI's error", async () => {
    const tenant = await echoTenant();
    await expect(
      clientOf(tenant).embeddings.create({ model: "", input: "x" }),
    ).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });

  it("count against the tenant's limits, and a refused one reaches no provider", async () => {
    const tenant = await newTenant({
      policy: { limits: { requests: [{ limit: 1, window_s: 60 }] } },
    });
    const client = clientOf(tenant);
    await client.embeddings.create({ model: MODEL, input: "first" });
    await expect(
      client.embeddings.create({ model: MODEL, input: "second" }),
    ).rejects.toBeInstanceOf(OpenAI.RateLimitError);
  });
});

describe("limits on tokens", () => {
  const HOUR = 3600;

  it("are charged what the provider counted, to the token", async () => {
    const limits = { tokens: [{ limit: 1_000, window_s: HOUR }] };
    const tenant = await newTenant({ policy: { limits } });
    const client = clientOf(tenant);
    await client.embeddings.create({ model: MODEL, input: "five words in this text" });
    await client.embeddings.create({ model: MODEL, input: ["three words here", "two more"] });
    const used = async () => {
      const { json } = await send("GET", "/v1/limits", { key: tenant.apiKey });
      const found = listOf(json, "data").filter(isObject);
      return found.find(({ id }) => id === `tenant:tokens:${HOUR}`)?.["used"];
    };
    await expect.poll(used, { timeout: 8_000 }).toBe(10);
  });

  it("hold for every route that passes through: one that is spent reaches no provider", async () => {
    const limits = { upstreams: { model: { limit: 1, window_s: HOUR } } };
    const tenant = await newTenant({ modelBaseUrl: `${servers.fault}/echo`, policy: { limits } });
    const post = (path: string) =>
      send("POST", `/v1${path}`, { key: tenant.apiKey, body: { model: MODEL, input: "x" } });
    expect((await post("/embeddings")).status).toBe(200);
    for (const { path, form } of PASS_THROUGH.filter((route) => route.form === "json"))
      expect((await post(path)).status, `${path} ${form}`).toBe(429);
  });
});

describe("forms", () => {
  it("reach the provider with its own name of the model and every other field", async () => {
    const tenant = await echoTenant();
    const answer = await clientOf(tenant).audio.transcriptions.create({
      model: "mine",
      file: await toFile(Buffer.from("sound"), "a.wav"),
      language: "fr",
    });
    const { body, url } = JSON.parse(JSON.stringify(answer)) as { body: string; url: string };
    expect(url).toBe("/echo/audio/transcriptions");
    expect(body).toContain('name="model"\r\n\r\ntheirs');
    expect(body).toContain('name="language"\r\n\r\nfr');
    expect(body).toContain('filename="a.wav"');
    expect(body).toContain("sound");
  });
});

function nearness(a: readonly number[] = [], b: readonly number[] = []): number {
  return a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);
}
