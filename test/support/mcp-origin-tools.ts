/** The tools of the hand-made MCP servers: each is one way an answer can be. */

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServerResponse } from "node:http";

import { numberOf, objectOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { failure, json, result } from "./mcp-wire.ts";

const ANY = { type: "object", properties: {} };

/** What a server lists unless a test says otherwise. */
export const LISTED: readonly UnknownObject[] = [
  {
    name: "echo",
    description: "Echoes its text",
    inputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
    annotations: { readOnlyHint: true },
  },
  {
    name: "add",
    description: "Adds two numbers",
    inputSchema: {
      type: "object",
      properties: { a: { type: "number" }, b: { type: "number" } },
      required: ["a", "b"],
    },
    outputSchema: {
      type: "object",
      properties: { sum: { type: "number" } },
      required: ["sum"],
    },
  },
  ...[
    "sleep",
    "steps",
    "changed",
    "refuse",
    "picture",
    "rpc_error",
    "hang",
    "huge",
    "huge_stream",
    "garbage",
    "garbage_stream",
    "ends",
    "busy",
    "deep",
    "wrong_sum",
  ].map((name) => ({
    name,
    description: `Answers in the way "${name}"`,
    inputSchema: ANY,
    ...(name === "wrong_sum" && { outputSchema: { type: "object", required: ["sum"] } }),
  })),
];

type Answer = (
  args: UnknownObject,
  message: UnknownObject,
  response: ServerResponse,
) => Promise<void> | void;

const ANSWERS: Readonly<Record<string, Answer>> = {
  echo: (args, message, response) =>
    json(response, 200, complete(message, { content: [text(textOf(args, "text") ?? "")] })),
  add(args, message, response) {
    const sum = (numberOf(args, "a") ?? 0) + (numberOf(args, "b") ?? 0);
    const answer = { content: [text(String(sum))], structuredContent: { sum } };
    json(response, 200, complete(message, answer));
  },
  wrong_sum: (_args, message, response) =>
    json(response, 200, complete(message, { content: [], structuredContent: { other: 1 } })),
  async sleep(args, message, response) {
    await sleep(numberOf(args, "ms") ?? 0);
    json(response, 200, complete(message, { content: [text("slept")] }));
  },
  async steps(args, message, response) {
    const progressToken = objectOf(objectOf(message, "params"), "_meta")["progressToken"];
    const write = stream(response);
    const steps = numberOf(args, "steps") ?? 3;
    for (let progress = 1; progress <= steps; progress += 1) {
      await sleep(numberOf(args, "ms") ?? 10);
      const params = { progressToken, progress, total: steps, message: `step ${progress}` };
      if (progressToken !== undefined) write(notice("notifications/progress", params));
    }
    write(complete(message, { content: [text("done")] }));
    response.end();
  },
  changed(_args, message, response) {
    const write = stream(response);
    write(notice("notifications/tools/list_changed"));
    write(complete(message, { content: [text("changed")] }));
    response.end();
  },
  refuse: (_args, message, response) =>
    json(response, 200, complete(message, { isError: true, content: [text("no such city")] })),
  picture: (_args, message, response) =>
    json(
      response,
      200,
      complete(message, {
        content: [
          text("a map"),
          { type: "image", mimeType: "image/png", data: "AAAA" },
          { type: "resource_link", name: "doc", uri: "file:///doc" },
          { type: "resource", resource: { uri: "file:///a", text: "inside" } },
          { type: "resource", resource: { uri: "file:///b", blob: "AAAAAAAA" } },
        ],
      }),
    ),
  rpc_error: (_args, message, response) => json(response, 200, failure(message, -32602)),
  hang: () => undefined,
  async huge(_args, message, response) {
    response.writeHead(200, { "content-type": "application/json" });
    response.write(`{"jsonrpc":"2.0","id":${JSON.stringify(message["id"])},"result":{"x":"`);
    await flood(response);
  },
  async huge_stream(_args, _message, response) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: ");
    await flood(response);
  },
  garbage: (_args, _message, response) =>
    void response.writeHead(200, { "content-type": "application/json" }).end('{"jsonrpc": 2'),
  garbage_stream(_args, _message, response) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: not json at all\n\n");
  },
  ends(_args, _message, response) {
    stream(response)(notice("notifications/message", { level: "info", data: "soon" }));
    response.end();
  },
  busy: (_args, _message, response) =>
    void response.writeHead(429, { "retry-after": "2" }).end("slow down"),
  /** Not in the list. Did what it does, and answers as if the request had been wrong. */
  refuses: (_args, _message, response) => void response.writeHead(400).end("no"),
  deep(_args, message, response) {
    let nested: UnknownObject = {};
    for (let level = 0; level < 100; level += 1) nested = { nested };
    json(response, 200, complete(message, { content: [], structuredContent: nested }));
  },
};

/** Answers a `tools/call`. */
export async function answerCall(message: UnknownObject, response: ServerResponse): Promise<void> {
  const params = objectOf(message, "params");
  const name = textOf(params, "name") ?? "";
  const respond = Object.hasOwn(ANSWERS, name) ? ANSWERS[name] : undefined;
  if (respond === undefined) return json(response, 200, failure(message, -32602));
  await respond(objectOf(params, "arguments"), message, response);
}

function complete(message: UnknownObject, value: UnknownObject): UnknownObject {
  return result(message, { resultType: "complete", ...value });
}

function text(value: string): UnknownObject {
  return { type: "text", text: value };
}

function notice(method: string, params: UnknownObject = {}): UnknownObject {
  return { jsonrpc: "2.0", method, params };
}

function stream(response: ServerResponse): (message: UnknownObject) => void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  return (message) => void response.write(`data: ${JSON.stringify(message)}\n\n`);
}

/** 100 MB, or as much as anybody takes. */
async function flood(response: ServerResponse): Promise<void> {
  const chunk = "x".repeat(64 * 1024);
  for (let sent = 0; sent < 100_000_000 && !response.destroyed; sent += chunk.length) {
    if (!response.write(chunk)) await drained(response);
  }
  response.destroy();
}

/** Resolves when more may be written, or nothing more can be. */
async function drained(response: ServerResponse): Promise<void> {
  const done = new AbortController();
  const { signal } = done;
  await Promise.race([once(response, "drain", { signal }), once(response, "close", { signal })]);
  done.abort();
}
