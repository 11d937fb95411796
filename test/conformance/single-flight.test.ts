/** Identical calls that arrive together, at isolates that share nothing but objects: one asks the origin. */

import { connect, type Socket } from "node:net";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startGateway, type Gateway } from "../../dev/gateway.ts";
import { isObject, listOf, type UnknownObject } from "../../dev/http/json.ts";
import {
  bootstrapOperator,
  createTenantForTests,
  type ReadyTenant,
  type TenantSetup,
} from "../../dev/provision.ts";
import { becomes, send, servers, toolRequests, unique } from "./scene.ts";

const WORKERS = 5;
const SLOW_MS = 600;

let gateway: Gateway;
let operatorKey = "";

beforeAll(async () => {
  gateway = await startGateway({ workers: WORKERS });
  operatorKey = await bootstrapOperator(gateway.baseUrl, gateway.secrets.BOOTSTRAP_SECRET);
});

afterAll(() => gateway.dispose());

/** A tenant with a slow tool counted under `k`; its answers may be kept. */
function tenantOf(k: string, path: string, setup: TenantSetup = {}): Promise<ReadyTenant> {
  const slow = {
    description: "Slow",
    input: { type: "object", properties: { q: { type: "string" } } },
    effect: "read",
    http: { method: "GET", url: `${servers.tools}${path}`, query: { q: "{q}", k } },
    cache: { ttl_s: 300 },
  };
  return createTenantForTests(gateway.baseUrl, operatorKey, { tools: { slow }, ...setup });
}

const BODY = { calls: [{ tool: "slow", arguments: { q: "same" } }] };

async function ask(tenant: ReadyTenant, worker: number): Promise<UnknownObject> {
  const baseUrl = `http://127.0.0.1:${gateway.directPorts[worker % WORKERS]}`;
  const answer = await send("POST", "/v1/runs", { key: tenant.apiKey, baseUrl, body: BODY });
  return listOf(answer.json, "results").filter(isObject)[0] ?? answer.json;
}

function together(tenant: ReadyTenant, count: number): Promise<readonly UnknownObject[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => ask(tenant, n)));
}

/** The same call over a bare connection, which can be cut as a killed client's is. */
function askBare(tenant: ReadyTenant, worker: number): Socket {
  const text = JSON.stringify(BODY);
  const socket = connect(Number(gateway.directPorts[worker]), "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(
    `POST /v1/runs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${tenant.apiKey}\r\n` +
      `content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
  );
  return socket;
}

describe("100 identical calls at once, from five isolates", () => {
  it.each([["none"], ["eu"]])("ask the origin once (residency: %s)", async (residency) => {
    const k = unique("k");
    const tenant = await tenantOf(k, `/sleep/${SLOW_MS}`, { tenant: { residency } });
    const results = await together(tenant, 100);
    expect(results.filter(({ status }) => status === "succeeded")).toHaveLength(100);
    expect(results.filter(({ cache }) => cache === "miss")).toHaveLength(1);
    expect((await toolRequests(k)).started).toBe(1);
  });

  it("ask it twice at most when the client of the one who asks is killed midway", async () => {
    const k = unique("k");
    const tenant = await tenantOf(k, `/sleep/${SLOW_MS}`);
    const leader = askBare(tenant, 0);
    expect(await becomes(async () => (await toolRequests(k)).started === 1, 5000)).toBe(true);
    const others = together(tenant, 99);
    await new Promise((resolve) => setTimeout(resolve, SLOW_MS / 3));
    leader.resetAndDestroy();
    const results = await others;
    expect(results.filter(({ status }) => status === "succeeded")).toHaveLength(99);
    expect((await toolRequests(k)).started).toBeLessThanOrEqual(2);
  });

  it("are told of its failure together: it is asked once, and again by whoever comes later", async () => {
    const k = unique("k");
    const tenant = await tenantOf(k, `/sleep/${SLOW_MS}?fault=500`);
    const results = await together(tenant, 20);
    expect(results.filter(({ status }) => status === "failed")).toHaveLength(20);
    // One call, with what it may repeat.
    const { started } = await toolRequests(k);
    expect(started).toBeLessThanOrEqual(3);
    await ask(tenant, 1);
    expect((await toolRequests(k)).started).toBeGreaterThan(started);
  });
});
