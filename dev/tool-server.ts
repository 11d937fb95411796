/**
 * Sample tool APIs over real HTTP on loopback: search, weather, events, restaurants, code analysis, currency, arithmetic,
 * a fixed sleep and an append-only ledger.
 *
 * Latency and faults are set per request (`?latency_ms=&fault=`) or for all (`PUT /_control`). `GET /_stats` tells what
 * was in flight, per path and per `?k=` or `x-k`, and when clients left; `DELETE /_stats` starts again. `GET /_requests`
 * shows the last requests as they arrived.
 */

import { parseObject } from "./http/json.ts";
import { listen, pause, sendJson, sendText, type Exchange } from "./http/listen.ts";
import { RequestLog } from "./http/request-log.ts";
import { Traffic, type TrafficStats } from "./http/traffic.ts";
import { answerTool, splitPath } from "./tool-apis/apis.ts";
import {
  answerFaulty,
  applyControl,
  createFaultDice,
  faultNamed,
  type Control,
} from "./tool-apis/faults.ts";
import { Ledger } from "./tool-apis/ledger.ts";

/** Requests kept for `GET /_requests`. */
const KEPT_REQUESTS = 200;

/** How a tool server behaves. */
export interface ToolServerOptions {
  /** 0 or absent: a free port. */
  readonly port?: number;
  /** Added to every answer. */
  readonly latencyMs?: number;
  /** Added to answers of one route, by its first path segment, e.g. `{"/weather": 300}`. */
  readonly latencyByPath?: Readonly<Record<string, number>>;
}

/** A running tool server. */
export interface ToolServer {
  readonly url: string;
  readonly port: number;
  readonly close: () => Promise<void>;
  readonly stats: () => TrafficStats;
}

/** Starts the sample tool APIs on 127.0.0.1. */
export async function startToolServer(options: ToolServerOptions = {}): Promise<ToolServer> {
  const traffic = new Traffic();
  const log = new RequestLog(KEPT_REQUESTS);
  const ledger = new Ledger();
  const control: Control = {
    latencyMs: options.latencyMs ?? 0,
    fault: null,
    rate: 1,
    latencyByPath: { ...options.latencyByPath },
  };
  const dice = createFaultDice(control);

  const { url, port, close } = await listen(options.port ?? 0, async (exchange) => {
    if (exchange.url.pathname.startsWith("/_")) {
      manage(exchange, { traffic, log, control });
      return;
    }
    const [segment] = splitPath(exchange.url.pathname);
    const leave = traffic.enter(segment, keyOf(exchange));
    exchange.response.once("close", () => {
      leave(exchange.outcome());
    });
    log.add(exchange);
    const answer = answerTool(exchange, ledger);
    const own = exchange.url.searchParams.get("latency_ms");
    const latencyMs =
      own === null ? control.latencyMs + (control.latencyByPath[segment] ?? 0) : Number(own) || 0;
    const fault = faultNamed(exchange.url.searchParams.get("fault")) ?? dice();
    const waitMs = latencyMs + (answer.delayMs ?? 0);
    if (waitMs > 0 && !(await pause(waitMs, exchange.signal))) return;
    if (fault === null && answer.text !== undefined) sendText(exchange.response, answer.text);
    else if (fault === null) sendJson(exchange.response, answer.status, answer.value);
    else await answerFaulty(exchange, fault, answer.value);
  });
  return { url, port, close, stats: () => traffic.stats() };
}

function keyOf({ url, request }: Exchange): string | null {
  const header = request.headers["x-k"];
  return url.searchParams.get("k") ?? (typeof header === "string" ? header : null);
}

function manage(
  { method, url, response, body }: Exchange,
  { traffic, log, control }: { traffic: Traffic; log: RequestLog; control: Control },
): void {
  switch (`${method} ${url.pathname}`) {
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
    case "PUT /_control":
      applyControl(control, parseObject(body));
      sendJson(response, 200, control);
      return;
    default:
      sendJson(response, 404, { error: "no such path" });
  }
}
