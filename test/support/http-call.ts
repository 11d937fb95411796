/** Speaks HTTP to the gateway as a client does, inside the test's own process. */

import { exports } from "cloudflare:workers";

/** A request by its parts; an object as body is sent as JSON. */
export interface Call {
  readonly key?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** Sends `METHOD /path` and gives the answer. */
export async function call(line: string, options: Call = {}): Promise<Response> {
  return exports.default.fetch(request(line, options));
}

/** The request `call` sends. */
export function request(line: string, { key, body, headers, signal }: Call = {}): Request {
  const [method = "GET", path = "/"] = line.split(" ");
  return new Request(`http://localhost${path}`, {
    method,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...(signal !== undefined && { signal }),
  });
}

/** The `data:` lines of a stream, parsed; `[DONE]` stays a text. */
export function dataLines(wire: string): unknown[] {
  return wire
    .split("\n")
    .filter((line) => line.startsWith("data: "))
    .map((line) => line.slice("data: ".length))
    .map((text): unknown => (text === "[DONE]" ? text : JSON.parse(text)));
}
