/**
 * The fastest tool server Node can be, in a process of its own: one tool, as plain HTTP (`GET /echo?n=`) and over MCP in both
 * revisions (`POST /modern`, `POST /session`). Every message of both takes the same work but for the protocol.
 * `GET /stats` counts hand-shakes by the `authorization` header. Prints its port; ends with its standard input.
 */

import { randomUUID } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";

import { objectOf, parseObject, textOf, type UnknownObject } from "../dev/http/json.ts";

const TOOL = {
  name: "echo",
  description: "Echoes a number",
  inputSchema: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
};

const handShakes = new Map<string, number>();

function json(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(text)),
  });
  response.end(text);
}

function resultOf(isModern: boolean, message: UnknownObject): UnknownObject | null {
  const whole = isModern ? { resultType: "complete", ttlMs: 300_000, cacheScope: "private" } : {};
  switch (textOf(message, "method") ?? "") {
    case "server/discover":
      return isModern
        ? { ...whole, supportedVersions: ["2026-07-28"], capabilities: { tools: {} } }
        : null;
    case "initialize":
      return isModern
        ? null
        : {
            protocolVersion: "2025-11-25",
            capabilities: { tools: {} },
            serverInfo: { name: "fast", version: "1" },
          };
    case "tools/list":
      return { ...whole, tools: [TOOL] };
    case "tools/call": {
      const { n } = objectOf(objectOf(message, "params"), "arguments");
      return {
        ...(isModern && { resultType: "complete" }),
        content: [{ type: "text", text: JSON.stringify({ n }) }],
        structuredContent: { n },
      };
    }
    default:
      return null;
  }
}

function answerMcp(
  isModern: boolean,
  message: UnknownObject,
  caller: string,
  response: ServerResponse,
): void {
  if (!("id" in message)) {
    response.writeHead(202).end();
    return;
  }
  const method = textOf(message, "method");
  const result = resultOf(isModern, message);
  if (method === "initialize" || method === "server/discover")
    handShakes.set(caller, (handShakes.get(caller) ?? 0) + 1);
  if (method === "initialize" && result !== null)
    response.setHeader("mcp-session-id", randomUUID());
  const base = { jsonrpc: "2.0", id: message["id"] };
  if (result === null)
    json(response, 400, { ...base, error: { code: -32_601, message: "no such method" } });
  else json(response, 200, { ...base, result });
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://fast");
  const parts: Uint8Array[] = [];
  request.on("data", (part: Uint8Array) => parts.push(part));
  request.once("end", () => {
    const caller = request.headers.authorization ?? "";
    const message = parseObject(Buffer.concat(parts).toString("utf8"));
    switch (url.pathname) {
      case "/echo":
        json(response, 200, { n: Number(url.searchParams.get("n")) });
        return;
      case "/modern":
      case "/session":
        answerMcp(url.pathname === "/modern", message, caller, response);
        return;
      default:
        json(response, 200, Object.fromEntries(handShakes));
    }
  });
});
server.keepAliveTimeout = 120_000;
server.listen({ port: 0, host: "127.0.0.1" }, () => {
  const address = server.address();
  if (address !== null && typeof address === "object") console.log(address.port);
});
process.stdin.resume();
process.stdin.once("end", () => process.exit(0));
