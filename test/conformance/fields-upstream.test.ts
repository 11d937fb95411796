/** Every field of an upstream changes behaviour; test/node/field-inventory.test.ts keeps this list complete. */

import { afterAll, beforeAll, expect, it } from "vitest";

import { isObject, listOf, objectOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { startModelServer, type ModelServer } from "../../dev/model-server.ts";
import { chat, saidBy, seenByProvider } from "./field-scene.ts";
import {
  eventsOf,
  newTenant,
  plain,
  pointersOf,
  send,
  servers,
  type TestTenant,
  unique,
} from "./scene.ts";

/** A tenant whose only upstream is the fault origin, with these fields replaced. */
function faultTenant(upstream: UnknownObject = {}): Promise<TestTenant> {
  return newTenant({ modelBaseUrl: `${servers.fault}/v1`, tools: {}, upstream });
}

/** Status and text, or status and code, of a question to `model`. */
async function ask(tenant: TestTenant, model: string): Promise<readonly [number, string | null]> {
  const answer = await chat(tenant, [{ text: "scripted" }], { model });
  const { text, code } = saidBy(answer);
  return [answer.status, code ?? text];
}

/** Speaks about four words a second. */
let slow: ModelServer;
beforeAll(async () => {
  slow = await startModelServer({ tokensPerSecond: 5 });
});
afterAll(() => slow.close());

/** The streamed words of a slow model under these timeouts, and the code of the error that ended them. */
async function stream(timeouts: UnknownObject) {
  const tenant = await newTenant({
    modelBaseUrl: `${slow.url}/v1`,
    tools: {},
    upstream: { timeouts },
  });
  const answer = await chat(tenant, [{ text: "one two three four five six" }], { stream: true });
  const events = eventsOf(answer.text);
  const text = events
    .flatMap((event) => listOf(event, "choices"))
    .map((choice) => textOf(objectOf(plain(choice), "delta"), "content") ?? "")
    .join("");
  const failed = events.find((event) => isObject(event["error"])) ?? answer.json;
  return { text, code: textOf(objectOf(failed, "error"), "code") };
}

it("upstream/kind: is the protocol the provider is asked in; another is refused", async () => {
  for (const [kind, path, header] of [
    ["openai", "/v1/chat/completions", "authorization"],
    ["openai_responses", "/v1/responses", "authorization"],
    ["anthropic", "/v1/messages", "x-api-key"],
    ["workers_ai", "/v1/chat/completions", "authorization"],
  ] as const) {
    const mark = unique("kind");
    const tenant = await newTenant({
      modelBaseUrl: `${servers.model}/v1`,
      modelApiKey: mark,
      tools: {},
      upstream: { kind },
    });
    const answer = await chat(tenant, [{ text: mark }]);
    expect(saidBy(answer).text).toBe(mark);
    const seen: unknown = await (await fetch(`${servers.model}/_requests`)).json();
    const asked = (Array.isArray(seen) ? seen : []).map(plain);
    const request = asked.find((one) => textOf(one, "body")?.includes(mark)) ?? {};
    expect(request["path"]).toBe(path);
    expect(textOf(objectOf(request, "headers"), header)).toContain(mark);
  }
  const refused = await send("PUT", "/v1/upstreams/other", {
    key: (await faultTenant()).apiKey,
    body: {
      kind: "carrier-pigeon",
      models: "*",
      targets: [{ id: "main", base_url: `${servers.fault}/v1` }],
    },
  });
  expect([refused.status, pointersOf(refused)]).toEqual([400, ["/kind"]]);
});

it("upstream/models: are the names that are served", async () => {
  const named = await faultTenant({ models: { known: {} } });
  expect(await ask(named, "known")).toEqual([200, "pong"]);
  expect(await ask(named, "unknown")).toEqual([404, "model_not_found"]);
  const open = await faultTenant({ models: "*" });
  expect(await ask(open, "unknown")).toEqual([200, "pong"]);
});

it("upstream/models/*/as: is the provider's own name of a model", async () => {
  const renamed = await faultTenant({ models: { mine: { as: "echo" } } });
  const { body } = await seenByProvider(renamed, "mine");
  expect(body["model"]).toBe("echo");
  const plainName = await faultTenant({ models: { mine: {} } });
  expect(await ask(plainName, "mine")).toEqual([200, "pong"]);
});

it("upstream/targets[]/id: is named by x-gw-debug", async () => {
  for (const id of ["first", "second"]) {
    const tenant = await faultTenant({ targets: [{ id, base_url: `${servers.fault}/v1` }] });
    const answer = await chat(tenant, [], { model: "any" }, { "x-gw-debug": "1" });
    expect(objectOf(answer.json, "x_gw")).toMatchObject({ debug: { target: id } });
  }
});

it("upstream/targets[]/base_url: is who is asked", async () => {
  for (const [server, text] of [
    [servers.fault, "pong"],
    [servers.model, "scripted"],
  ] as const) {
    const tenant = await faultTenant({ targets: [{ id: "main", base_url: `${server}/v1` }] });
    expect(await ask(tenant, "any")).toEqual([200, text]);
  }
});

it("upstream/targets[]/api_key: is the secret that is sent, if any", async () => {
  const tenant = await faultTenant();
  expect((await seenByProvider(tenant)).headers["authorization"]).toBeUndefined();
  const target = { id: "main", base_url: `${servers.fault}/v1` };
  for (const name of ["one", "two"]) {
    const value = `value-of-${name}`;
    await tenant.call("PUT", `/v1/secrets/${name}`, {
      value,
      hosts: [new URL(servers.fault).host],
    });
    await tenant.call("PUT", "/v1/upstreams/model", {
      kind: "openai",
      models: "*",
      targets: [{ ...target, api_key: `{{secret.${name}}}` }],
    });
    const { headers } = await seenByProvider(tenant);
    expect(headers["authorization"]).toBe(`Bearer ${value}`);
  }
});

it("upstream/timeouts/first_byte_ms: ends the wait for the response headers", async () => {
  const hurried = await faultTenant({ timeouts: { first_byte_ms: 50 } });
  expect(await ask(hurried, "late-headers")).toEqual([504, "upstream_timeout"]);
  const patient = await faultTenant({ timeouts: { first_byte_ms: 20_000 } });
  expect(await ask(patient, "late-headers")).toEqual([200, "pong"]);
});

it("upstream/timeouts/idle_ms: ends a stream that falls silent", async () => {
  const hurried = await stream({ idle_ms: 60 });
  expect(hurried.code).toBe("upstream_timeout");
  expect(hurried.text).not.toContain("six");
  const patient = await stream({ idle_ms: 20_000 });
  expect(patient).toEqual({ text: "one two three four five six", code: null });
});

it("upstream/timeouts/total_ms: ends an answer that goes on too long", async () => {
  const hurried = await stream({ total_ms: 600 });
  expect(hurried.code).toBe("upstream_timeout");
  expect(hurried.text).not.toContain("six");
  const patient = await stream({ total_ms: 20_000 });
  expect(patient).toEqual({ text: "one two three four five six", code: null });
});

it("upstream/fallback/model: is asked when the upstream fails, and the answer says so", async () => {
  const tenant = await faultTenant({ models: { down: {}, known: {} } });
  const other = {
    kind: "openai",
    models: { spare: { as: "any" } },
    targets: [{ id: "main", base_url: `${servers.fault}/v1` }],
  };
  await tenant.call("PUT", "/v1/upstreams/other", other);
  const put = (model: string) =>
    tenant.call("PUT", "/v1/upstreams/model", {
      ...other,
      models: { down: {}, known: {} },
      fallback: { model },
    });
  expect(await ask(tenant, "down")).toEqual([502, "upstream_unreachable"]);
  await put("spare");
  const well = await chat(tenant, [], { model: "known" });
  expect(objectOf(well.json, "x_gw")).not.toHaveProperty("degraded");
  for (const isStream of [false, true]) {
    const answer = await chat(tenant, [], { model: "down", stream: isStream });
    expect(answer.status).toBe(200);
    const said = isStream ? eventsOf(answer.text).at(-1) : answer.json;
    expect(objectOf(plain(said), "x_gw")).toMatchObject({ degraded: { turns: 1, model: "spare" } });
    expect(answer.text).toContain("pong");
  }
  await expect(put("absent")).rejects.toMatchObject({ status: 422 });
});
