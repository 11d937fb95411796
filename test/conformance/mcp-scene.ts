/** What the tests of MCP servers start from: a server of their own and a tenant that has it. */

import { inject } from "vitest";

import { isObject, listOf, type UnknownObject } from "../../dev/http/json.ts";
import type { McpState } from "../support/mcp-origin.ts";
import { plain, send, unique, newTenant, type TestTenant, type WireAnswer } from "./scene.ts";

/** One MCP server at the far end. */
export interface FarServer {
  readonly url: string;
  /** Changes how it behaves; `forget` drops its sessions. */
  readonly control: (state: Partial<McpState> & { readonly forget?: boolean }) => Promise<void>;
  readonly stats: () => Promise<UnknownObject>;
  /** Requests by JSON-RPC method. */
  readonly count: (method: string) => Promise<number>;
}

/** A server nobody else uses. */
export async function farServer(state: Partial<McpState> = {}): Promise<FarServer> {
  const base = `${inject("servers")["mcp"] ?? ""}/${unique("s")}`;
  const stats = async () => plain(await (await fetch(`${base}/stats`)).json());
  const server: FarServer = {
    url: `${base}/mcp`,
    async control(patch) {
      await fetch(`${base}/control`, { method: "POST", body: JSON.stringify(patch) });
    },
    stats,
    count: async (method) => Number(plain((await stats())["methods"])[method] ?? 0),
  };
  await server.control(state);
  return server;
}

/** A tenant with this server under the label "far"; `server` replaces fields of its definition. */
export async function tenantWithServer(far: FarServer, server: object = {}): Promise<TestTenant> {
  const tenant = await newTenant({ tools: {} });
  await tenant.call("PUT", "/v1/mcp-servers/far", { url: far.url, ...server });
  return tenant;
}

/** The server as the gateway shows it. */
export function readServer(tenant: TestTenant): Promise<WireAnswer> {
  return send("GET", "/v1/mcp-servers/far", { key: tenant.apiKey });
}

/** One line of its list. */
export async function listedTool(tenant: TestTenant, tool: string): Promise<UnknownObject> {
  const answer = await readServer(tenant);
  const lines = listOf(answer.json, "listed").filter(isObject);
  return lines.find((line) => line["tool"] === tool) ?? {};
}
