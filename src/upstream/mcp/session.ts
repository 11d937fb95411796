/**
 * Sessions with MCP servers: connected once, then warm.
 *
 * What makes a session warm is plain data: the id and revision of a 2025-11-25 server, the discovery of a 2026-07-28
 * one. That is all an isolate keeps between requests, because a stream or a client of one request may not be used in
 * another. A key names tenant, server, version and credentials, so no two of them share a session. A server that has
 * forgotten a session is connected anew once; the caller does that, here the session is only dropped.
 */

import {
  Client,
  StreamableHTTPClientTransport,
  type DiscoverResult,
} from "@modelcontextprotocol/client";

import { BoundedMap } from "../../platform/bounded-map.ts";
import type { McpExchange } from "./exchange.ts";

/** Sessions an isolate keeps, and for how long after their last use. */
const MAX_SESSIONS = 256;
const SESSION_IDLE_MS = 5 * 60_000;

/** Time for hand-shake or discovery. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Answers that broke and can be resumed are asked for again so often. */
const MAX_RESUMES = 2;

/** A session that has no id: the SDK takes a transport with one for connected; this one is never sent. */
const NO_SESSION = "none";

/** A server and who asks it. */
export interface McpTarget {
  /** Names tenant, server, version and credentials. */
  readonly sessionKey: string;
  readonly url: string;
  readonly protocol: "auto" | "2026-07-28" | "2025-11-25";
}

/** What is known of a server that was connected before. */
type WarmSession =
  | { readonly kind: "modern"; readonly discover: DiscoverResult }
  | { readonly kind: "legacy"; readonly sessionId: string; readonly protocolVersion: string };

/** Isolate cache; losing it costs a hand-shake. */
const sessions = new BoundedMap<string, WarmSession>(MAX_SESSIONS);

/** A connected client of one exchange. */
export interface OpenSession {
  readonly client: Client;
  /** It goes on from what the isolate remembered, so the server may have forgotten it. A server without sessions cannot. */
  readonly canBeLost: boolean;
  /** The revision spoken. */
  readonly protocol: string;
}

/** Connects, or goes on with a warm session. Rejects with whatever the SDK throws; `exchange.failure` may say more. */
export async function openSession(
  target: McpTarget,
  exchange: McpExchange,
  nowMs: number,
): Promise<OpenSession> {
  const warm = sessions.get(target.sessionKey, nowMs);
  const transport = new StreamableHTTPClientTransport(new URL(target.url), {
    fetch: exchange.fetch,
    // The exchange refuses every redirect itself.
    redirectPolicy: "follow",
    reconnectionOptions: {
      initialReconnectionDelay: 100,
      maxReconnectionDelay: 2_000,
      reconnectionDelayGrowFactor: 2,
      maxRetries: MAX_RESUMES,
    },
    ...(warm?.kind === "legacy" && {
      sessionId: warm.sessionId,
      protocolVersion: warm.protocolVersion,
    }),
  });
  exchange.hidesSession = warm?.kind === "legacy" && warm.sessionId === NO_SESSION;
  endWithStream(transport, exchange);
  const client = new Client(
    { name: "toolformer-edge", version: "1" },
    {
      capabilities: {},
      versionNegotiation: { mode: modeOf(target.protocol) },
      inputRequired: { autoFulfill: false },
    },
  );
  Object.assign(client, { onerror: (error: Error) => noteInvalid(error, exchange) });
  const { signal } = exchange;
  await client.connect(transport, {
    signal,
    timeout: CONNECT_TIMEOUT_MS,
    ...(warm?.kind === "modern" && { prior: { kind: "modern", discover: warm.discover } }),
  });
  const protocol =
    warm?.kind === "legacy"
      ? warm.protocolVersion
      : (client.getNegotiatedProtocolVersion() ?? "2025-11-25");
  const discover = client.getDiscoverResult();
  const session: WarmSession =
    discover === undefined
      ? { kind: "legacy", sessionId: transport.sessionId ?? NO_SESSION, protocolVersion: protocol }
      : { kind: "modern", discover };
  sessions.set(target.sessionKey, session, nowMs + SESSION_IDLE_MS);
  return { client, canBeLost: warm !== undefined && !exchange.hidesSession, protocol };
}

/** Makes the next exchange connect anew. */
export function forgetSession(target: McpTarget): void {
  sessions.delete(target.sessionKey);
}

function modeOf(protocol: McpTarget["protocol"]) {
  if (protocol === "auto") return "auto";
  return protocol === "2025-11-25" ? "legacy" : { pin: protocol };
}

/**
 * The SDK waits for an answer until its time is up even when the stream has ended without one; here the exchange fails.
 * Which requests were answered is seen where the SDK takes messages in.
 */
function endWithStream(transport: StreamableHTTPClientTransport, exchange: McpExchange): void {
  const answered = new Set<unknown>();
  let take: StreamableHTTPClientTransport["onmessage"];
  Object.defineProperty(transport, "onmessage", {
    get: () => take,
    set: (next: StreamableHTTPClientTransport["onmessage"]) => {
      take =
        next &&
        ((message) => {
          if ("id" in message && !("method" in message)) answered.add(message.id);
          next(message);
        });
    },
  });
  const send = transport.send.bind(transport);
  transport.send = (message, options) =>
    send(message, {
      ...options,
      onRequestStreamEnd: () => {
        options?.onRequestStreamEnd?.();
        const isAnswered = Array.isArray(message) || !("id" in message) || answered.has(message.id);
        if (!isAnswered) exchange.fail({ kind: "unreachable", sent: true });
      },
    });
}

/** A message that is not JSON or not JSON-RPC ends the exchange; the SDK would only report it and wait on. */
function noteInvalid(error: Error, exchange: McpExchange): void {
  if (!(error instanceof SyntaxError) && !/^\$?ZodError$/.test(error.name)) return;
  const reason = "The MCP server sent no valid JSON-RPC.";
  exchange.fail({ kind: "invalid_response", reason, status: 200, sent: true });
}
