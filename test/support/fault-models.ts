/** The fault origin's model provider: an OpenAI-compatible endpoint whose `model` chooses how it fails. */

import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { type Exchange, parseObject } from "./fault-exchange.ts";

type ModelFault = (exchange: Exchange, stream: EventWriter) => Promise<void> | void;

/** Writes one server-sent event; the headers go out with the first. */
type EventWriter = (data: unknown) => void;

/** What each model name does. Any other name answers "pong" as it should. */
const MODELS: Readonly<Record<string, ModelFault>> = {
  down({ request }) {
    request.socket.destroy();
  },
  "slow-headers"() {},
  async "late-headers"({ response }, write) {
    await sleep(300);
    answer(response, write);
  },
  garbage({ response }) {
    response
      .writeHead(200, { "content-type": "text/event-stream" })
      .end("data: <html>no</html>\n\n");
  },
  html({ response }) {
    response
      .writeHead(200, { "content-type": "text/html" })
      .end("<html><body>Bad gateway</body></html>");
  },
  async "cut-mid-stream"({ response }, write) {
    write(text("half an ans"));
    await sleep(20);
    response.destroy();
  },
  "end-mid-stream"({ response }, write) {
    write(text("half an ans"));
    response.end();
  },
  /** Whole, orderly by HTTP, but only the beginning of its JSON. */
  "cut-json"({ response }) {
    const whole = JSON.stringify(completion("half an answer"));
    response.writeHead(200, { "content-type": "application/json" }).end(whole.slice(0, 60));
  },
  "error-in-stream"({ response }, write) {
    write(text("so far"));
    write({ error: { message: "secret prose", type: "server_error", code: "overloaded" } });
    response.end();
  },
  "no-finish"({ response }, write) {
    write(text("pong"));
    write("[DONE]");
    response.end();
  },
  "no-done"({ response }, write) {
    write(text("pong"));
    write(finish());
    response.end();
  },
  async "finish-then-cut"({ response }, write) {
    write(text("pong"));
    write(finish());
    await sleep(20);
    response.destroy();
  },
  "finish-then-silence"(_exchange, write) {
    write(text("pong"));
    write(finish());
  },
  "done-then-silence"(_exchange, write) {
    write(text("pong"));
    write(finish());
    write("[DONE]");
  },
  idle(_exchange, write) {
    write(text("pong"));
  },
  async endless({ response }, write) {
    while (!response.destroyed) {
      write(text("tick "));
      await sleep(10);
    }
  },
  "invalid-utf8"({ response }) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 0xfe, 0x0a, 0x0a]));
  },
  "huge-event"({ response }) {
    response
      .writeHead(200, { "content-type": "text/event-stream" })
      .end(`data: ${"x".repeat(5 * 1024 * 1024)}`);
  },
  "status-429"({ response }) {
    refuse(
      response,
      429,
      { error: { message: "secret prose", code: "rate_limit_exceeded" } },
      { "retry-after": "7" },
    );
  },
  "status-500"({ response }) {
    response.writeHead(500, { "content-type": "text/html" }).end("<h1>secret prose</h1>");
  },
  "status-401"({ response }) {
    refuse(response, 401, {
      error: { message: "secret prose", type: "invalid_request_error", code: null },
    });
  },
  /** Takes the key `good`; refuses any other with the status at its end. */
  "needs-key"({ request, response }, write) {
    const key = request.headers.authorization ?? "none-401";
    if (key === "Bearer good") answer(response, write);
    else refuse(response, Number(key.slice(-3)), { error: { code: "refused_key" } });
  },
  "huge-error"({ response }) {
    response
      .writeHead(500, { "content-type": "application/json" })
      .end(`{"error":"${"x".repeat(1024 * 1024)}"}`);
  },
  redirect({ response }) {
    response.writeHead(307, { location: "/echo" }).end();
  },
  empty({ response }) {
    response.writeHead(204).end();
  },
  "double-coded"({ response }) {
    response
      .writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip, gzip" })
      .end("x");
  },
  /** Ignores `stream` and answers whole. */
  whole({ response }) {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(completion("pong")));
  },
  /** Answers with the request it saw. */
  echo({ request, response, body }) {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      JSON.stringify(
        completion(JSON.stringify({ url: request.url, headers: request.headers, body })),
      ),
    );
  },
  "tool-call"({ response }, write) {
    const call = {
      index: 0,
      id: "call_1",
      type: "function",
      function: { name: "weather", arguments: '{"city":"Paris"}' },
    };
    write({
      model: "tool-call",
      choices: [{ index: 0, delta: { role: "assistant", tool_calls: [call] } }],
    });
    write(finish("tool_calls"));
    write("[DONE]");
    response.end();
  },
};

/** Answers as the request's `model` says. */
export async function answerAsModel(exchange: Exchange): Promise<void> {
  const { response } = exchange;
  const asked = parseObject(exchange.body);
  const model = String(asked["model"]);
  const write: EventWriter = (data) => {
    if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
  };
  if (Object.hasOwn(MODELS, model)) await MODELS[model]?.(exchange, write);
  else if (asked["stream"] === true) answer(response, write);
  else {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(completion("pong")));
  }
}

function answer(response: ServerResponse, write: EventWriter): void {
  write(text("pong"));
  write(finish());
  write({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } });
  write("[DONE]");
  response.end();
}

function text(content: string) {
  return {
    id: "chatcmpl-1",
    model: "fault",
    choices: [{ index: 0, delta: { content }, finish_reason: null }],
  };
}

function finish(reason = "stop") {
  return {
    id: "chatcmpl-1",
    model: "fault",
    choices: [{ index: 0, delta: {}, finish_reason: reason }],
  };
}

function completion(content: string) {
  return {
    model: "fault",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  };
}

function refuse(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, { "content-type": "application/json", ...headers })
    .end(JSON.stringify(body));
}
