/**
 * A scripted model server on loopback: chat completions, OpenAI's Responses and Anthropic's Messages, streaming and not
 * (model/faces), embeddings, and `GET /v1/models`. It is a stand-in and says so (`system_fingerprint: "scripted-stand-in"`, `x-scripted-model: 1`).
 *
 * It plays recorded scenarios and `#script` lines (model/script.ts), else picks tools by their words. `GET /_requests`
 * shows the last bodies, `GET /_stats` what is and was in flight, `DELETE /_stats` starts both again.
 */

import { listen, sendJson, type Exchange } from "./http/listen.ts";
import { RequestLog } from "./http/request-log.ts";
import { Traffic, type TrafficStats } from "./http/traffic.ts";
import { deliver, sendError, type Pace } from "./model/deliver.ts";
import { embed } from "./model/embeddings.ts";
import { isRefusal, type Face, type Refusal } from "./model/face.ts";
import { chatFace } from "./model/faces/chat.ts";
import { messagesFace } from "./model/faces/messages.ts";
import { responsesFace } from "./model/faces/responses.ts";
import { planTurn } from "./model/plan-turn.ts";

/** Requests kept for `GET /_requests`. */
const KEPT_REQUESTS = 100;
const MODELS = [
  "scripted-1",
  "scripted-slow",
  "scripted-cut",
  "scripted-hang",
  "scripted-broken-json",
];

const FACES: readonly Face[] = [chatFace, responsesFace, messagesFace];
const WRONG_KEY: Refusal = {
  status: 401,
  code: "invalid_api_key",
  message: "Incorrect API key provided.",
};

const NO_INPUT: Refusal = { status: 400, code: "invalid_input", message: "input is missing." };

/** How a model server behaves. */
export interface ModelServerOptions {
  /** 0 or absent: a free port. */
  readonly port?: number;
  /** Absent or 0: as fast as it can be written. */
  readonly tokensPerSecond?: number;
  readonly timeToFirstTokenMs?: number;
  /** When given, requests need this key, as a bearer token or in `x-api-key`. */
  readonly apiKey?: string;
  /** Epoch milliseconds that count as today; absent: the clock. */
  readonly todayMs?: number;
}

/** A running model server. `url` has no path: the API is at `<url>/v1`. */
export interface ModelServer {
  readonly url: string;
  readonly port: number;
  readonly close: () => Promise<void>;
  readonly stats: () => TrafficStats;
}

/** Starts the scripted model on 127.0.0.1. */
export async function startModelServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const traffic = new Traffic();
  const log = new RequestLog(KEPT_REQUESTS);
  const pace: Pace = {
    tokensPerSecond: options.tokensPerSecond ?? 0,
    timeToFirstTokenMs: options.timeToFirstTokenMs ?? 0,
  };
  const { url, port, close } = await listen(options.port ?? 0, async (exchange) => {
    const route = `${exchange.method} ${exchange.url.pathname}`;
    if (exchange.url.pathname.startsWith("/_")) {
      manage(exchange, route, traffic, log);
      return;
    }
    log.add(exchange);
    const face = FACES.find((one) => route === `POST ${one.path}`);
    if (options.apiKey !== undefined && !hasKey(exchange, options.apiKey)) {
      sendError(exchange, face ?? chatFace, WRONG_KEY);
      return;
    }
    if (route === "GET /v1/models") {
      const data = MODELS.map((id) => ({
        id,
        object: "model",
        created: 0,
        owned_by: "scripted-stand-in",
      }));
      sendJson(exchange.response, 200, { object: "list", data }, { "x-scripted-model": "1" });
      return;
    }
    if (route === "POST /v1/embeddings") {
      answerEmbeddings(exchange);
      return;
    }
    if (face === undefined) {
      const message = `the scripted model does not serve ${route}`;
      sendError(exchange, chatFace, { status: 404, code: "not_found", message });
      return;
    }
    const request = face.read(exchange.body);
    if (isRefusal(request)) {
      sendError(exchange, face, request);
      return;
    }
    const leave = traffic.enter(face.path, request.model);
    exchange.response.once("close", () => {
      leave(exchange.outcome());
    });
    await deliver(exchange, face, request, planTurn(request, options.todayMs ?? Date.now()), pace);
  });
  return { url, port, close, stats: () => traffic.stats() };
}

function answerEmbeddings(exchange: Exchange): void {
  const answer = embed(exchange.body);
  if (answer !== null) sendJson(exchange.response, 200, answer, { "x-scripted-model": "1" });
  else sendError(exchange, chatFace, NO_INPUT);
}

function hasKey({ request }: Exchange, apiKey: string): boolean {
  const { authorization, "x-api-key": own } = request.headers;
  return authorization === `Bearer ${apiKey}` || own === apiKey;
}

function manage({ response }: Exchange, route: string, traffic: Traffic, log: RequestLog): void {
  switch (route) {
    case "GET /_stats":
      sendJson(response, 200, traffic.stats());
      return;
    case "DELETE /_stats":
      traffic.reset();
      log.clear();
      sendJson(response, 200, traffic.stats());
      return;
    case "GET /_requests":
      sendJson(response, 200, log.all());
      return;
    default:
      sendJson(response, 404, { error: "no such path" });
  }
}
