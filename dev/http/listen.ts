/**
 * A plain HTTP server on loopback for the local world: listens on a given or a free port, notices at once when a client
 * leaves, and closes with every connection cut, so that nothing outlives `close()`.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** Bodies above this are refused with 413. */
const MAX_BODY_BYTES = 24 * 1024 * 1024;

/** One request as a handler sees it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly url: URL;
  /** The whole body as text. */
  readonly body: string;
  /** Aborts the moment the client leaves before its answer is complete. */
  readonly signal: AbortSignal;
  /** Cuts the connection from this side, as a fault. */
  readonly drop: (how: "reset" | "close") => void;
  /** Once the response is closed: `aborted` only when the client left of its own accord. */
  readonly outcome: () => "completed" | "aborted";
}

/** A listening server. */
export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Cuts every connection and resolves when the port is free again. */
  readonly close: () => Promise<void>;
}

/** Starts a server on 127.0.0.1. Rejects with Node's EADDRINUSE when the port is taken. */
export async function listen(
  port: number,
  handle: (exchange: Exchange) => Promise<void>,
): Promise<Listening> {
  const server = createServer((request, response) => {
    void serve(request, response, handle);
  });
  // A server that closes idle keep-alive connections first would race with the next request of its client.
  server.keepAliveTimeout = 120_000;
  server.headersTimeout = 130_000;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1", backlog: 2_048 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  handle: (exchange: Exchange) => Promise<void>,
): Promise<void> {
  const left = new AbortController();
  let isDropped = false;
  response.once("close", () => {
    if (!response.writableFinished) left.abort();
  });
  // An error on a connection that is being torn down is the client leaving; `close` follows and is handled above.
  response.on("error", () => undefined);
  try {
    const body = await readBody(request);
    if (body === null) {
      sendJson(response, 413, { error: { message: "the body is too large" } });
      return;
    }
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    await handle({
      drop: (how) => {
        isDropped = true;
        if (how === "reset") request.socket.resetAndDestroy();
        else request.socket.destroy();
      },
      outcome: () => (response.writableFinished || isDropped ? "completed" : "aborted"),
      request,
      response,
      method: request.method ?? "GET",
      url,
      body,
      signal: left.signal,
    });
  } catch (error) {
    if (left.signal.aborted || response.headersSent) response.destroy();
    else sendJson(response, 500, { error: { message: `local server: ${String(error)}` } });
  }
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Sends one JSON answer and ends the response. */
export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendText(response, JSON.stringify(value), status, headers);
}

/** The same for a value whose JSON text is known. */
export function sendText(
  response: ServerResponse,
  text: string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(text)),
    ...headers,
  });
  response.end(text);
}

/** Waits `ms` milliseconds or until the signal aborts; says whether the whole time passed. */
export function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  if (ms <= 0) return Promise.resolve(true);
  return new Promise((resolve) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve(true);
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
