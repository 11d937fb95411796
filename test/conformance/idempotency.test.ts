/** `Idempotency-Key`: a client that lost its answer tries again and nothing happens twice. */

import OpenAI from "openai";
import { afterEach, describe, expect, it } from "vitest";

import { objectOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { startDropProxy, type DropProxy } from "../support/drop-proxy.ts";
import {
  clientOf,
  eventsOf,
  gateway,
  ledgerEntries,
  newTenant,
  plain,
  scripted,
  send,
  toolRequests,
  unique,
  type TestTenant,
} from "./scene.ts";

const MODEL = "scripted-1";

let proxy: DropProxy | null = null;
afterEach(async () => {
  await proxy?.close();
  proxy = null;
});

/** A client with its default retries behind a line that loses the first answer. */
async function lossyClient(tenant: TestTenant): Promise<OpenAI> {
  proxy = await startDropProxy(gateway.baseUrl, 1);
  return new OpenAI({ baseURL: `${proxy.url}/v1`, apiKey: tenant.apiKey });
}

/** Writes one note and says so. */
function noteScript(entry: string) {
  return scripted(
    { text: "Writing. ", calls: [{ name: "record_note", arguments: { entry } }] },
    { text: "Written." },
  );
}

const runNote = (tenant: TestTenant, entry: string, key: string, extra: object = {}) =>
  send("POST", "/v1/runs", {
    key: tenant.apiKey,
    body: { calls: [{ tool: "record_note", arguments: { entry } }], ...extra },
    headers: { "idempotency-key": key },
  });

/** Everything a stream said, without what belongs to the transport. */
function contentOf(text: string): readonly UnknownObject[] {
  return eventsOf(text);
}

describe("an answer lost on the way, default retries, one Idempotency-Key", () => {
  it("writes once: chat completion, not streamed", async () => {
    const tenant = await newTenant();
    const entry = unique("once");
    const client = await lossyClient(tenant);
    const answer = await client.chat.completions.create(
      { model: MODEL, messages: [noteScript(entry)] },
      { headers: { "Idempotency-Key": unique("idem") } },
    );
    expect(proxy?.dropped()).toBe(1);
    expect(answer.choices[0]?.message.content).toBe("Writing. \n\nWritten.");
    expect(await ledgerEntries(entry)).toBe(1);
  });

  it("writes once: chat completion, streamed", async () => {
    const tenant = await newTenant();
    const entry = unique("once");
    const client = await lossyClient(tenant);
    const stream = await client.chat.completions.create(
      { model: MODEL, messages: [noteScript(entry)], stream: true },
      { headers: { "Idempotency-Key": unique("idem") } },
    );
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    expect(proxy?.dropped()).toBe(1);
    expect(text).toBe("Writing. \n\nWritten.");
    expect(await ledgerEntries(entry)).toBe(1);
  });

  it("writes once: a run, and without a key twice, which is the caller's choice", async () => {
    const tenant = await newTenant();
    proxy = await startDropProxy(gateway.baseUrl, 2);
    const entry = unique("run");
    const post = (headers: Record<string, string>, note: string) =>
      send("POST", "/v1/runs", {
        key: tenant.apiKey,
        body: { calls: [{ tool: "record_note", arguments: { entry: note } }] },
        headers,
        baseUrl: proxy?.url ?? "",
      }).catch(() => null);
    const idem = { "idempotency-key": unique("idem") };
    expect(await post(idem, entry)).toBeNull();
    const careless = unique("careless");
    expect(await post({}, careless)).toBeNull();
    expect((await post(idem, entry))?.json).toMatchObject({ status: "completed" });
    expect((await post({}, careless))?.json).toMatchObject({ status: "completed" });
    expect(await ledgerEntries(entry)).toBe(1);
    expect(await ledgerEntries(careless)).toBe(2);
  });
});

describe("the same Idempotency-Key", () => {
  it("409 with another body, for chats and for runs", async () => {
    const tenant = await newTenant();
    const entry = unique("note");
    const key = unique("idem");
    expect((await runNote(tenant, entry, key)).status).toBe(200);
    const other = await runNote(tenant, unique("other"), key);
    expect([other.status, textOf(other.json, "code")]).toEqual([409, "idempotency_key_reused"]);

    const options = { headers: { "Idempotency-Key": unique("idem") } };
    const client = clientOf(tenant, { maxRetries: 2 });
    await client.chat.completions.create({ model: MODEL, messages: [noteScript(entry)] }, options);
    const began = Date.now();
    const refused = client.chat.completions.create(
      { model: MODEL, messages: [scripted({ text: "other" })] },
      options,
    );
    await expect(refused).rejects.toBeInstanceOf(OpenAI.ConflictError);
    // The client repeats a 409 by itself unless it is told that it is hopeless.
    expect(Date.now() - began).toBeLessThan(400);
  });

  it("replays the stored stream with the same content, and its run's id", async () => {
    const tenant = await newTenant();
    const entry = unique("note");
    const request = {
      key: tenant.apiKey,
      body: { model: MODEL, messages: [noteScript(entry)], stream: true },
      headers: { "idempotency-key": unique("idem") },
    };
    const first = await send("POST", "/v1/chat/completions", request);
    const again = await send("POST", "/v1/chat/completions", request);
    const comparable = (text: string) =>
      contentOf(text).map(({ created: _created, ...event }) => event);
    expect(comparable(first.text).length).toBeGreaterThan(4);
    expect(comparable(again.text)).toEqual(comparable(first.text));
    expect(again.text.endsWith("data: [DONE]\n\n")).toBe(true);
    expect(again.headers.get("x-gw-run")).toBe(first.headers.get("x-gw-run"));
    expect(await ledgerEntries(entry)).toBe(1);
  });

  it("replays the stored answer of a run to the byte", async () => {
    const tenant = await newTenant();
    const entry = unique("note");
    const key = unique("idem");
    const first = await runNote(tenant, entry, key);
    const again = await runNote(tenant, entry, key);
    expect(again.text).toBe(first.text);
    expect(await ledgerEntries(entry)).toBe(1);
    const events = await runNote(tenant, entry, unique("idem"), { stream: true });
    expect(contentOf(events.text).at(-1)).toMatchObject({ type: "run.completed" });
  });

  it("joins a run that is going on: two clients, one run", async () => {
    const tenant = await newTenant();
    const message = scripted(
      { text: "Wait. ", calls: [{ name: "wait", arguments: { ms: 700 } }] },
      { text: "Over." },
    );
    const options = { headers: { "Idempotency-Key": unique("idem") } };
    const ask = () =>
      clientOf(tenant).chat.completions.create({ model: MODEL, messages: [message] }, options);
    const first = ask();
    const started = async () => (await toolRequests(tenant.mark)).started;
    await expect.poll(started, { timeout: 5000 }).toBe(1);
    const [one, two] = await Promise.all([first, ask()]);
    expect(two.choices).toEqual(one.choices);
    expect(two.id).toBe(one.id);
    expect(await started()).toBe(1);
  });

  it("is another run for another API key of the same tenant, and for another tenant", async () => {
    const tenant = await newTenant();
    const other = await newTenant();
    const made = await tenant.call("POST", "/v1/keys", { name: "second", scopes: ["run"] });
    const key = unique("idem");
    const entries = [unique("a"), unique("b"), unique("c")] as const;
    const second = { ...tenant, apiKey: textOf(made, "key") ?? "" };
    const answers = [
      await runNote(tenant, entries[0], key),
      await runNote(second, entries[1], key),
      await runNote(other, entries[2], key),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
    for (const entry of entries) expect(await ledgerEntries(entry)).toBe(1);
  });

  it("may be tried again after a refusal before the first model answer", async () => {
    const tenant = await newTenant({ upstream: { models: { known: { as: MODEL } } } });
    const options = { headers: { "Idempotency-Key": unique("idem") } };
    const ask = () =>
      clientOf(tenant).chat.completions.create(
        { model: "late", messages: [scripted({ text: "now it works" })] },
        options,
      );
    await expect(ask()).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    const upstream = await tenant.call("GET", "/v1/upstreams/model");
    const { name: _name, version: _version, ...definition } = upstream;
    await tenant.call("PUT", "/v1/upstreams/model", {
      ...definition,
      models: { ...objectOf(definition, "models"), late: { as: MODEL } },
    });
    const answer = await ask();
    expect(answer.choices[0]?.message.content).toBe("now it works");
  });

  it("keeps the run going when its client leaves, so that a later one finds it done", async () => {
    const tenant = await newTenant();
    const entry = unique("left");
    const message = scripted(
      { text: "Wait. ", calls: [{ name: "wait", arguments: { ms: 400 } }] },
      { text: "Write. ", calls: [{ name: "record_note", arguments: { entry } }] },
      { text: "End." },
    );
    const options = { headers: { "Idempotency-Key": unique("idem") } };
    const body = { model: MODEL, messages: [message], stream: true as const };
    const stream = await clientOf(tenant).chat.completions.create(body, options);
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content !== undefined) break;
    }
    await expect.poll(() => ledgerEntries(entry), { timeout: 5000 }).toBe(1);
    const again = await clientOf(tenant).chat.completions.create(body, options);
    let text = "";
    let last: UnknownObject = {};
    for await (const chunk of again) {
      text += chunk.choices[0]?.delta.content ?? "";
      last = plain(chunk);
    }
    expect(text).toBe("Wait. \n\nWrite. \n\nEnd.");
    expect(objectOf(last, "x_gw")).toMatchObject({ turns: 3, calls: 2 });
    expect(await ledgerEntries(entry)).toBe(1);
  });
});
