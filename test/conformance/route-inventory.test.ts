/**
 * Every route that can reach an upstream does it through the tenant's gate, the upstream's breaker and its account: a held
 * breaker and a spent limit keep it from there, and what it used is counted. A route that nobody has classified fails.
 */

import { once } from "node:events";
import { createServer, type Server } from "node:http";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { isObject, listOf, numberOf } from "../../dev/http/json.ts";
import { PASS_THROUGH } from "../../src/contract/pass-through.ts";
import { ROUTE_TABLE } from "../../src/contract/route-table.ts";
import { gateway, newTenant, send, type TestTenant, type WireAnswer } from "./scene.ts";

/** Routes that send a tenant's requests to its upstreams, and one request of each. */
const GUARDED: Readonly<Record<string, (key: string) => Promise<WireAnswer>>> = {
  "POST /v1/runs": post("/v1/runs", { calls: [{ tool: "look", arguments: {} }] }),
  "POST /v1/chat/completions": post("/v1/chat/completions", chat()),
  "POST /v1/messages": post("/v1/messages", { ...chat(), max_tokens: 16 }),
  "POST /v1/responses": post("/v1/responses", { model: "m", input: "hi", store: false }),
  "POST /mcp": post(
    "/mcp",
    { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "look", arguments: {} } },
    { accept: "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25" },
  ),
  ...Object.fromEntries(
    PASS_THROUGH.map(({ path, form }) => [
      `POST /v1${path}`,
      form === "json" ? post(`/v1${path}`, { model: "m", input: "hi" }) : postForm(`/v1${path}`),
    ]),
  ),
};

/** Routes that ask an upstream without a run, and why they are not counted as a request. */
const ASKING: Readonly<Record<string, string>> = {
  "GET /v1/models":
    "passes the guard; a provider's list of models costs no tokens, and limits on requests are about runs",
};

/** Routes that only look at a server, once, within a time and a size, and why no breaker is asked. */
const LOOKING: Readonly<Record<string, string>> = {
  "POST /v1/tools/import":
    "fetches a document that the administrator names in the request; it is no upstream and has no breaker",
  "PUT /v1/mcp-servers/:name":
    "looks at the server it registers, so that its breaker cannot keep a server that was repaired from being registered anew",
};

/** Routes that read or end what another route has begun, and send nothing themselves. */
const OF_A_RUN = [
  "GET /v1/runs",
  "GET /v1/runs/:id",
  "DELETE /v1/runs/:id",
  "GET /v1/runs/:id/events",
  "POST /v1/runs/:id/cancel",
  "GET /v1/results/:handle",
  "GET /v1/responses/:id",
  "POST /v1/responses/:id/cancel",
  "DELETE /v1/responses/:id",
];

/** Routes about the gateway's own resources, by the beginning of their paths. */
const OWN = [
  "/v1/bootstrap",
  "/v1/tenants",
  "/v1/keys",
  "/v1/policy",
  "/v1/tools",
  "/v1/mcp-servers",
  "/v1/upstreams",
  "/v1/secrets",
  "/v1/cache",
  "/v1/breakers",
  "/v1/limits",
  "/health",
  "/ready",
  "/startup",
  "/openapi.json",
  "/docs",
  "/.well-known",
];

function chat(): object {
  return { model: "m", messages: [{ role: "user", content: "hi" }] };
}

function post(path: string, body: object, headers: Readonly<Record<string, string>> = {}) {
  return (key: string) => send("POST", path, { key, body, headers });
}

function postForm(path: string) {
  return async (key: string): Promise<WireAnswer> => {
    const body = new FormData();
    body.set("model", "m");
    body.set("file", new File(["bytes"], "a.bin"));
    const headers = { authorization: `Bearer ${key}` };
    const answer = await fetch(gateway.baseUrl + path, { method: "POST", headers, body });
    return { status: answer.status, headers: answer.headers, text: await answer.text(), json: {} };
  };
}

/** How a route is classified; none, or more than one, is a mistake. */
function kindsOf(route: string): readonly string[] {
  const [, path = ""] = route.split(" ");
  const named = { GUARDED, ASKING, LOOKING };
  const kinds = Object.entries(named).flatMap(([kind, routes]) =>
    Object.hasOwn(routes, route) ? [kind] : [],
  );
  if (kinds.length > 0) return kinds;
  if (OF_A_RUN.includes(route)) return ["of a run"];
  return OWN.some((start) => path.startsWith(start)) ? ["own"] : [];
}

/** Routes that nobody has thought about, and classifications of routes that are gone. */
function faultsOf(routes: readonly string[]): readonly string[] {
  const classified = [GUARDED, ASKING, LOOKING].flatMap((kind) => Object.keys(kind));
  return [
    ...routes.filter((route) => kindsOf(route).length !== 1),
    ...[...classified, ...OF_A_RUN].filter((route) => !routes.includes(route)),
  ];
}

const ROUTES = ROUTE_TABLE.map(({ method, path }) => `${method} ${path}`);

/** An upstream of every kind: counts what reaches it, and answers something that any of the routes can read. */
let upstream: Server;
let url = "";
let reached = 0;
beforeAll(async () => {
  upstream = createServer((request, response) => {
    reached += 1;
    request.resume();
    const choice = {
      index: 0,
      finish_reason: "stop",
      message: { role: "assistant", content: "x" },
    };
    const answer = { model: "m", data: [{ id: "m" }], choices: [choice] };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  }).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const address = upstream.address();
  url = `http://127.0.0.1:${isObject(address) ? String(address["port"]) : ""}`;
});
afterAll(async () => {
  upstream.closeAllConnections();
  upstream.close();
  await once(upstream, "close");
});

async function tenantThere(limit = 1_000): Promise<TestTenant> {
  const look = {
    description: "Looks",
    input: { type: "object" },
    effect: "read",
    http: { method: "GET", url: `${url}/look` },
  };
  const limits = { requests: [{ limit, window_s: 3_600 }] };
  return newTenant({ modelBaseUrl: `${url}/v1`, tools: { look }, policy: { limits } });
}

/** Requests the tenant's gate has counted. */
async function counted({ apiKey }: TestTenant): Promise<number> {
  const limits = await send("GET", "/v1/limits", { key: apiKey });
  const used = listOf(limits.json, "data")
    .filter(isObject)
    .map((one) => numberOf(one, "used"));
  return Math.max(0, ...used.filter((one) => one !== null));
}

/** Requests that reached the upstream while `act` went on. */
async function reachedBy(act: () => Promise<unknown>): Promise<number> {
  const before = reached;
  await act();
  return reached - before;
}

describe("the routes", () => {
  it("are classified, each once, and no classification is left over", () => {
    expect(faultsOf(ROUTES)).toEqual([]);
  });

  it("fail when one more is served, or one is gone", () => {
    expect(faultsOf([...ROUTES, "POST /v1/turbo"])).toEqual(["POST /v1/turbo"]);
    const fewer = ROUTES.filter((route) => route !== "POST /v1/rerank");
    expect(faultsOf(fewer)).toEqual(["POST /v1/rerank"]);
  });
});

describe("a route that reaches an upstream", () => {
  it("is counted by the gate, and kept away by a held breaker", async () => {
    const tenant = await tenantThere();
    const routes = Object.entries(GUARDED);
    for (const [name, ask] of routes) {
      const before = await counted(tenant);
      expect([name, await reachedBy(() => ask(tenant.apiKey))]).toEqual([name, 1]);
      expect([name, (await counted(tenant)) - before]).toEqual([name, 1]);
    }
    for (const breaker of ["model", "tool:look"])
      await tenant.call("POST", `/v1/breakers/${breaker}`, { force: "open" });
    // A breaker that was forced is known to an isolate with its next exchange at the latest.
    await reachedBy(() => Promise.all(routes.map(([, ask]) => ask(tenant.apiKey))));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    for (const [name, ask] of [...routes, ["GET /v1/models", models] as const])
      expect([name, await reachedBy(() => ask(tenant.apiKey))]).toEqual([name, 0]);
  });

  it("is kept away by a spent limit", async () => {
    const { apiKey } = await tenantThere(1);
    const [[, first] = [null, models], ...others] = Object.entries(GUARDED);
    expect((await first(apiKey)).status).toBe(200);
    for (const [name, ask] of others) {
      const answers: WireAnswer[] = [];
      const sent = await reachedBy(async () => answers.push(await ask(apiKey)));
      expect([name, sent]).toEqual([name, 0]);
      // MCP says it inside its own envelope.
      expect(answers.map(({ status, text }) => status === 429 || text.includes("limit"))).toEqual([
        true,
      ]);
    }
  });

  it("without a run asks its provider, and counts its failures", async () => {
    const tenant = await tenantThere();
    expect(await reachedBy(() => models(tenant.apiKey))).toBe(1);
  });
});

function models(key: string): Promise<WireAnswer> {
  return send("GET", "/v1/models", { key });
}
