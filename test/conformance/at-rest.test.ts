/**
 * What lies on disk: no API key, no secret, no cached result, no hidden turn, no stored answer in the clear; and all of
 * it still works after a restart. The gateway is this test's own, with its state in a directory of its own.
 */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startGateway, type Gateway } from "../../dev/gateway.ts";
import { isObject, listOf, objectOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import {
  bootstrapOperator,
  createTenantForTests,
  gatewayCaller,
  type ReadyTenant,
} from "../../dev/provision.ts";
import { randomSecrets } from "../../dev/gateway/secrets.ts";
import { plain, scripted, send, servers } from "./scene.ts";
import { scanFor } from "./scan.ts";

/** Texts that may lie nowhere in the clear. */
const CANARY = {
  secret: "canary-secret-5f1c9b7e2d",
  cachedResult: "canary-cached-result-83ab10",
  hiddenResult: "canary-hidden-result-c44e91",
  storedAnswer: "canary-stored-answer-17d2f0",
};
const MODEL = "scripted-1";

const secrets = randomSecrets();
let directory = "";
let gateway: Gateway;
let tenant: ReadyTenant;
let operatorKey = "";
let extraKey = "";
let toolsBefore: UnknownObject = {};
/** The client's half of a mixed turn, to be answered after the restart. */
let followUp: unknown[] = [];

const ownTools = [
  { type: "function", function: { name: "mine", parameters: { type: "object", properties: {} } } },
];

function definition(extra: object): UnknownObject {
  return {
    description: "Echoes",
    input: { type: "object", properties: { q: { type: "string" } } },
    effect: "read",
    http: {
      method: "GET",
      url: `${servers.tools}/echo`,
      query: { q: "{q}" },
      headers: { "x-api-key": "{{secret.api}}" },
    },
    ...extra,
  };
}

async function start(): Promise<void> {
  gateway = await startGateway({ persistTo: directory, secrets, workers: 2 });
}

function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const request = { key: tenant.apiKey, headers, baseUrl: gateway.baseUrl };
  return send(method, path, body === undefined ? request : { ...request, body });
}

const run = (q: string, worker = 0) =>
  send("POST", "/v1/runs", {
    key: tenant.apiKey,
    baseUrl: `http://127.0.0.1:${gateway.directPorts[worker]}`,
    body: { calls: [{ tool: "cached", arguments: { q } }] },
  });

async function kvNames(): Promise<readonly string[]> {
  const results = await gateway.mf.getKVNamespace("RESULTS", "gateway-0");
  return (await results.list()).keys.map((key) => key.name);
}

/** A mixed turn: the gateway's half is kept until the client answers its own. */
async function mixedTurn(): Promise<void> {
  const message = scripted(
    { calls: [callOf("plain", { q: CANARY.hiddenResult }), callOf("mine", {})] },
    { text: "Whole: {{results}}" },
  );
  const mixed = await call("POST", "/v1/chat/completions", {
    model: MODEL,
    messages: [message],
    tools: ownTools,
  });
  const [choice] = listOf(mixed.json, "choices").map(plain);
  const assistant = objectOf(choice ?? {}, "message");
  const [own] = listOf(assistant, "tool_calls").map(plain);
  followUp = [
    message,
    assistant,
    { role: "tool", tool_call_id: own?.["id"], content: "own result" },
  ];
}

function callOf(name: string, args: object) {
  return { name, arguments: args };
}

const KEYED = {
  model: MODEL,
  messages: [scripted({ text: CANARY.storedAnswer })],
  stream: true,
};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "toolformer-at-rest-"));
  await start();
  operatorKey = await bootstrapOperator(gateway.baseUrl, secrets.BOOTSTRAP_SECRET);
  tenant = await createTenantForTests(gateway.baseUrl, operatorKey, {
    modelBaseUrl: `${servers.model}/v1`,
    modelApiKey: CANARY.secret,
    policy: { runs: { max_turns: 5 } },
  });
  const { host } = new URL(servers.tools);
  await tenant.call("PUT", "/v1/secrets/api", { value: CANARY.secret, hosts: [host] });
  await tenant.call("PUT", "/v1/tools/cached", definition({ cache: { ttl_s: 600 } }));
  await tenant.call("PUT", "/v1/tools/plain", definition({}));
  const made = await tenant.call("POST", "/v1/keys", { name: "extra", scopes: ["run"] });
  extraKey = textOf(made, "key") ?? "";
  toolsBefore = await tenant.call("GET", "/v1/tools");
});

afterAll(async () => {
  await gateway.dispose();
  await rm(directory, { recursive: true, force: true });
});

describe("a tenant", () => {
  it("is given something to leave behind: a cached result, a hidden turn, a stored answer", async () => {
    const first = await run(CANARY.cachedResult);
    expect(first.text).toContain(CANARY.cachedResult);
    // What is wanted a second time, here by another isolate, is worth a write.
    await run(CANARY.cachedResult, 1);
    await expect.poll(async () => (await kvNames()).length, { timeout: 5000 }).toBe(1);
    await mixedTurn();
    const keyed = await call("POST", "/v1/chat/completions", KEYED, { "idempotency-key": "kept" });
    expect(keyed.text).toContain("[DONE]");
  });
});

describe("a resident tenant", () => {
  it("leaves nothing in KV, whatever its tools would cache", async () => {
    const before = await kvNames();
    const resident = await createTenantForTests(gateway.baseUrl, operatorKey, {
      tenant: { residency: "eu" },
      tools: {
        cached: {
          ...definition({ cache: { ttl_s: 600 } }),
          http: { method: "GET", url: `${servers.tools}/echo` },
        },
      },
    });
    for (let n = 0; n < 3; n += 1) {
      const answer = await resident.call("POST", "/v1/runs", { calls: [{ tool: "cached" }] });
      expect(answer["status"]).toBe("completed");
    }
    const answer = await send("POST", "/v1/runs", {
      key: resident.apiKey,
      baseUrl: gateway.baseUrl,
      body: { calls: [{ tool: "cached" }] },
      headers: { "idempotency-key": "resident" },
    });
    expect(answer.status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const names = await kvNames();
    expect(names).toEqual(before);
    expect(names.some((name) => name.includes(resident.tenantId))).toBe(false);
  });
});

describe("on disk", () => {
  it("lies no key, secret, cached result, hidden turn or stored answer in the clear", async () => {
    await gateway.dispose();
    try {
      const texts = {
        ...CANARY,
        apiKey: tenant.apiKey,
        extraKey,
        operatorKey,
        bootstrapSecret: secrets.BOOTSTRAP_SECRET,
        masterKey: secrets.MASTER_KEYS.slice("v1:".length),
        pepper: secrets.KEY_PEPPERS.slice("v1:".length),
      };
      const { findings, files, bytes } = await scanFor(directory, texts);
      expect(findings).toEqual([]);
      // There is something to look at: objects, their write-ahead logs and the cache.
      expect(files).toBeGreaterThan(5);
      expect(bytes).toBeGreaterThan(50_000);
      const known = await scanFor(directory, { tenant: tenant.tenantId, key: tenant.keyId });
      expect(new Set(known.findings.map(({ name }) => name))).toEqual(new Set(["tenant", "key"]));
    } finally {
      await start();
    }
  });

  it("would be found by the scan: planted plain, in base64, in a name, and in an object's file", async () => {
    const planted = await mkdtemp(join(tmpdir(), "toolformer-planted-"));
    try {
      await mkdir(join(planted, "deep"));
      const noise = "x".repeat(5000);
      await writeFile(join(planted, "deep", "plain"), `${noise}${CANARY.secret}${noise}`);
      for (const shift of ["", "a", "ab"]) {
        const text = Buffer.from(`${shift}${CANARY.secret}.tail`).toString("base64");
        await writeFile(join(planted, `base64-${shift.length}`), `${noise}${text}${noise}`);
      }
      await writeFile(join(planted, `name-${CANARY.secret}`), "");
      const { findings } = await scanFor(planted, CANARY);
      const expected = ["base64-0", "base64-1", "base64-2", "deep/plain", `name-${CANARY.secret}`];
      expect(new Set(findings.map(({ file }) => file))).toEqual(new Set(expected));
      expect(findings.every(({ name }) => name === "secret")).toBe(true);
    } finally {
      await rm(planted, { recursive: true });
    }
    // A tool's description is no secret and is stored as it is: the scan sees through the store's own format.
    const description = "planted-in-the-clear-90c1";
    await call("PUT", "/v1/tools/told", definition({ description }));
    const seen = await scanFor(directory, { description });
    expect(seen.findings.length).toBeGreaterThan(0);
    await call("DELETE", "/v1/tools/told");
  });
});

describe("after a restart on the same state", () => {
  it("keys, tools, policy, secrets and upstreams are there and work", async () => {
    expect(await gatewayCaller(gateway.baseUrl, tenant.apiKey)("GET", "/v1/tools")).toEqual(
      toolsBefore,
    );
    expect(objectOf((await call("GET", "/v1/policy")).json, "runs")["max_turns"]).toBe(5);
    const listed = await call("GET", "/v1/secrets");
    expect(listOf(listed.json, "data").map((one) => plain(one)["name"])).toEqual(["api", "model"]);
    const chat = await call("POST", "/v1/chat/completions", {
      model: MODEL,
      messages: [scripted({ text: "back again" })],
    });
    expect(chat.text).toContain("back again");
    const other = await send("POST", "/v1/runs", {
      key: extraKey,
      baseUrl: gateway.baseUrl,
      body: { calls: [{ tool: "plain", arguments: { q: "x" } }] },
    });
    expect(other.json).toMatchObject({ status: "completed" });
    const again = await send("POST", "/v1/bootstrap", {
      baseUrl: gateway.baseUrl,
      body: { secret: secrets.BOOTSTRAP_SECRET },
    });
    expect(again.status).toBe(410);
  });

  it("the cached result is a hit, and opens", async () => {
    const answer = await run(CANARY.cachedResult);
    const [result] = listOf(answer.json, "results").filter(isObject);
    expect(result).toMatchObject({ status: "succeeded", cache: "hit" });
    expect(answer.text).toContain(CANARY.cachedResult);
  });

  it("the mixed turn is made whole", async () => {
    const answer = await call("POST", "/v1/chat/completions", {
      model: MODEL,
      messages: followUp,
      tools: ownTools,
    });
    expect(answer.text).toContain(CANARY.hiddenResult);
    expect(answer.text).toContain("own result");
  });

  it("the keyed run replays its stored stream", async () => {
    const answer = await call("POST", "/v1/chat/completions", KEYED, { "idempotency-key": "kept" });
    const pieces = [...answer.text.matchAll(/"content":"([^"]*)"/g)].map((match) => match[1]);
    expect(pieces.join("")).toBe(CANARY.storedAnswer);
    const other = await call(
      "POST",
      "/v1/chat/completions",
      { ...KEYED, temperature: 1 },
      { "idempotency-key": "kept" },
    );
    expect(other.status).toBe(409);
  });
});
