/** JSON-RPC answers of the hand-made MCP servers. */

import type { ServerResponse } from "node:http";

import type { UnknownObject } from "../../dev/http/json.ts";

/** A JSON-RPC result of this request. */
export function result(message: UnknownObject, value: UnknownObject): UnknownObject {
  return { jsonrpc: "2.0", id: message["id"], result: value };
}

/** A JSON-RPC error of this request. */
export function failure(message: UnknownObject, code: number): UnknownObject {
  return { jsonrpc: "2.0", id: message["id"], error: { code, message: "no" } };
}

/** Answers with JSON. */
export function json(response: ServerResponse, status: number, value: UnknownObject): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}
