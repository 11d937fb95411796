/** Routes that pass through: the unmodified `openai` client gets what its provider answers, under the tenant's limits. */

import OpenAI, { toFile } from "openai";
import { describe, expect, it } from "vitest";

import { clientOf, newTenant, servers } from "./scene.ts";

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
