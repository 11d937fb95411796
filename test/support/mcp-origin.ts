/**
 * MCP servers of every kind, well and ill-behaved, by hand so that nothing of an SDK stands between a test and the wire.
 *
 * `/<id>/mcp` is the server of the test that chose the id. What it is, it is told by `POST /<id>/control` (see
 * `McpState`); what it saw, `GET /<id>/stats` tells. Its tools are in mcp-origin-tools.ts; a test may list others.
 */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

import { isObject, objectOf, parseJson, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { answerCall, LISTED } from "./mcp-origin-tools.ts";
import { failure, json, result } from "./mcp-wire.ts";
import type { RunningServer } from "./servers.ts";

/** How one server behaves. */
export interface McpState {
  /** `modern`: 2026-07-28; `session`: 2025-11-25 with session ids; `stateless`: 2025-11-25 without. */
  era: "modern" | "session" | "stateless";
  tools: readonly UnknownObject[];
  /** Sent with the list (2026-07-28). */
  ttlMs: number | null;
  /** Set: every request is answered so. */
  fault: "hang" | "status" | "garbage" | "redirect" | "huge_list" | null;
  /** Requests without this are refused with 401. */
  authorization: string | null;
}

/** What one server saw. */
interface Seen {
  /** Requests by JSON-RPC method. */
  readonly methods: Record<string, number>;
  readonly progressTokens: unknown[];
  readonly cancelled: unknown[];
  /** Requests other than POST. */
  readonly others: string[];
  /** Connections closed by the client before their answer was complete. */
  aborted: number;
  open: number;
  headers: unknown;
}

/** One server. */
interface McpServerUnderTest {
  readonly state: McpState;
  readonly sessions: Set<string>;
  readonly seen: Seen;
}

/** Starts the server under the name "mcp" on a free port of 127.0.0.1. */
export async function startMcpOrigin(): Promise<RunningServer> {
  const servers = new Map<string, McpServerUnderTest>();
  const http = createServer((request, response) => {
    void serve(servers, request, response);
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const address = http.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    name: "mcp",
    url: `http://127.0.0.1:${port}`,
    async close() {
      http.closeAllConnections();
      http.close();
      await once(http, "close");
    },
  };
}

function serverOf(servers: Map<string, McpServerUnderTest>, id: string): McpServerUnderTest {
  const known = servers.get(id);
  if (known !== undefined) return known;
  const fresh: McpServerUnderTest = {
    state: { era: "modern", tools: LISTED, ttlMs: null, fault: null, authorization: null },
    sessions: new Set(),
    seen: {
      methods: {},
      progressTokens: [],
      cancelled: [],
      others: [],
      aborted: 0,
      open: 0,
      headers: {},
    },
  };
  servers.set(id, fresh);
  return fresh;
}

async function serve(
  servers: Map<string, McpServerUnderTest>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, id = "", what = ""] = new URL(request.url ?? "/", "http://mcp").pathname.split("/");
  const server = serverOf(servers, id);
  const body = await readAll(request).catch(() => "");
  if (what === "stats") return json(response, 200, { ...server.seen });
  if (what === "control") {
    const patch = parseJson(body);
    if (isObject(patch)) {
      Object.assign(server.state, patch);
      if (patch["forget"] === true) server.sessions.clear();
    }
    return json(response, 200, {});
  }
  const { seen } = server;
  seen.open += 1;
  response.once("close", () => {
    seen.open -= 1;
    if (!response.writableFinished) seen.aborted += 1;
  });
  if (request.method !== "POST") {
    seen.others.push(request.method ?? "");
    response.writeHead(405).end();
    return;
  }
  const message = parseJson(body);
  await answer(server, isObject(message) ? message : {}, request, response);
}

async function answer(
  server: McpServerUnderTest,
  message: UnknownObject,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { state, seen, sessions } = server;
  const method = textOf(message, "method") ?? "";
  seen.methods[method] = (seen.methods[method] ?? 0) + 1;
  seen.headers = request.headers;
  if (state.authorization !== null && request.headers.authorization !== state.authorization) {
    response.writeHead(401).end();
    return;
  }
  if (state.fault !== null) return fault(state.fault, message, response);
  const session = request.headers["mcp-session-id"];
  if (method === "notifications/cancelled")
    seen.cancelled.push(objectOf(message, "params")["requestId"]);
  if (state.era === "session" && method !== "initialize" && method !== "server/discover") {
    if (typeof session !== "string" || !sessions.has(session)) {
      response.writeHead(404).end();
      return;
    }
  }
  if (method === "server/discover") return discover(state, message, response);
  if (method === "initialize") return initialize(server, message, response);
  if (!("id" in message)) {
    response.writeHead(202).end();
    return;
  }
  if (method === "tools/list") return list(state, message, response);
  if (method === "tools/call") {
    seen.progressTokens.push(objectOf(objectOf(message, "params"), "_meta")["progressToken"]);
    return answerCall(message, response);
  }
  json(response, 200, failure(message, -32601));
}

function discover(state: McpState, message: UnknownObject, response: ServerResponse): void {
  if (state.era !== "modern") return json(response, 400, failure(message, -32601));
  json(
    response,
    200,
    result(message, {
      resultType: "complete",
      supportedVersions: ["2026-07-28"],
      capabilities: { tools: {} },
      ttlMs: 0,
      cacheScope: "private",
    }),
  );
}

function initialize(
  { state, sessions }: McpServerUnderTest,
  message: UnknownObject,
  response: ServerResponse,
): void {
  if (state.era === "modern") return json(response, 400, failure(message, -32022));
  const session = crypto.randomUUID();
  if (state.era === "session") {
    sessions.add(session);
    response.setHeader("mcp-session-id", session);
  }
  json(
    response,
    200,
    result(message, {
      protocolVersion: "2025-11-25",
      capabilities: { tools: { listChanged: true } },
      serverInfo: { name: "origin", version: "1" },
    }),
  );
}

/** Two tools a page, so that paging is always there. */
function list(state: McpState, message: UnknownObject, response: ServerResponse): void {
  const cursor = Number(textOf(objectOf(message, "params"), "cursor") ?? "0");
  const next = cursor + 2;
  json(
    response,
    200,
    result(message, {
      ...(state.era === "modern" && { resultType: "complete", cacheScope: "private" }),
      ...(state.era === "modern" && { ttlMs: state.ttlMs ?? 300_000 }),
      tools: state.tools.slice(cursor, next),
      ...(next < state.tools.length && { nextCursor: String(next) }),
    }),
  );
}

function fault(
  kind: NonNullable<McpState["fault"]>,
  message: UnknownObject,
  response: ServerResponse,
) {
  switch (kind) {
    case "hang":
      return;
    case "status":
      response.writeHead(503, { "retry-after": "7" }).end("no");
      return;
    case "garbage":
      response.writeHead(200, { "content-type": "application/json" }).end("<<< no json");
      return;
    case "redirect":
      response.writeHead(307, { location: "/elsewhere/mcp" }).end();
      return;
    case "huge_list": {
      const tool = {
        name: "x",
        description: "y".repeat(1_000_000),
        inputSchema: { type: "object" },
      };
      json(response, 200, result(message, { tools: [tool, tool, tool] }));
    }
  }
}

async function readAll(request: IncomingMessage): Promise<string> {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (text: string) => (body += text));
  await once(request, "end");
  return body;
}
