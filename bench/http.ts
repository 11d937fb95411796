/**
 * A bare HTTP client for benchmarks: Node's own, with keep-alive, so that the client costs little and its socket can be
 * reset or closed at a chosen moment.
 */

import { Agent, request, type ClientRequest, type IncomingMessage } from "node:http";

/** What is sent. */
export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  /** From before sending until the last byte, milliseconds. */
  readonly tookMs: number;
}

/** A request under way, its headers perhaps not yet in. */
export interface Exchange {
  /** The response once its headers are in; rejects when the connection ends first. */
  readonly response: Promise<IncomingMessage>;
  /** Ends the connection at once with a TCP reset, as a crashed client or a lost network does. */
  readonly reset: () => void;
  /** Ends the connection normally, as an aborted fetch does. */
  readonly close: () => void;
}

/** An agent that keeps `sockets` connections open. */
export function keepAlive(sockets: number): Agent {
  return new Agent({ keepAlive: true, maxSockets: sockets });
}

function start(url: string, sent: Sent, agent: Agent): ClientRequest {
  const body = sent.body === undefined ? null : JSON.stringify(sent.body);
  const outgoing = request(url, {
    method: sent.method ?? "GET",
    agent,
    headers: {
      ...sent.headers,
      ...(body === null
        ? {}
        : {
            "content-type": "application/json",
            "content-length": String(Buffer.byteLength(body)),
          }),
    },
  });
  outgoing.setNoDelay(true);
  outgoing.end(body ?? undefined);
  return outgoing;
}

function headersOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
  });
}

/** Sends a request and reads the whole answer. Rejects when the connection fails. */
export async function ask(url: string, sent: Sent, agent: Agent): Promise<Answer> {
  const startedAt = performance.now();
  const response = await headersOf(start(url, sent, agent));
  const parts: Uint8Array[] = [];
  for await (const chunk of response) if (chunk instanceof Uint8Array) parts.push(chunk);
  const text = Buffer.concat(parts).toString("utf8");
  return { status: response.statusCode ?? 0, text, tookMs: performance.now() - startedAt };
}

/** Sends a request on a connection of its own and hands it over unread, to be left in one way or another. */
export function open(url: string, sent: Sent): Exchange {
  const outgoing = start(url, sent, new Agent({ keepAlive: false }));
  const response = headersOf(outgoing);
  // Leaving on purpose makes the request fail; whoever still waits for the response sees it there.
  response.catch(() => undefined);
  outgoing.on("error", () => undefined);
  return {
    response,
    reset: () => {
      outgoing.socket?.resetAndDestroy();
    },
    close: () => {
      outgoing.destroy();
    },
  };
}
