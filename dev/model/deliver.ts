/**
 * Sends a turn at the server's pace: after the time to the first token, then so many tokens a second. Steps that are due
 * together leave in one write. A client that leaves stops the writing at once.
 */

import { pause, sendJson, type Exchange } from "../http/listen.ts";
import type { ModelRequest } from "./request.ts";
import type { Turn } from "./turn.ts";
import { completionBody, streamSteps } from "./wire.ts";

/** Longest wait there is; ended by the client leaving. */
const FOREVER_MS = 2_147_483_647;

/** How fast the model speaks. */
export interface Pace {
  /** 0: as fast as it can be written. */
  readonly tokensPerSecond: number;
  readonly timeToFirstTokenMs: number;
}

const HEADERS = { "x-scripted-model": "1" };

/** Sends an error in OpenAI's envelope. */
export function sendError(
  { response }: Exchange,
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const type =
    status === 429 ? "rate_limit_error" : status < 500 ? "invalid_request_error" : "server_error";
  sendJson(
    response,
    status,
    { error: { message, type, param: null, code } },
    { ...HEADERS, ...headers },
  );
}

/** Sends a turn, streaming or not, with its fault if it has one. */
export async function deliver(
  exchange: Exchange,
  request: ModelRequest,
  turn: Turn,
  pace: Pace,
): Promise<void> {
  if (!(await pause(pace.timeToFirstTokenMs + turn.delayMs, exchange.signal))) return;
  const { fault } = turn;
  if (fault?.kind === "status") {
    const retry = fault.retryAfterS === null ? {} : { "retry-after": String(fault.retryAfterS) };
    sendError(exchange, fault.status, fault.code, fault.message, retry);
    return;
  }
  if (request.stream) await sendStream(exchange, request, turn, pace);
  else await sendWhole(exchange, request, turn, pace);
}

async function sendWhole(
  { response, drop, signal }: Exchange,
  request: ModelRequest,
  turn: Turn,
  pace: Pace,
): Promise<void> {
  const { body, tokens } = completionBody(request, turn);
  if (pace.tokensPerSecond > 0 && !(await pause((tokens * 1000) / pace.tokensPerSecond, signal)))
    return;
  switch (turn.fault?.kind) {
    case "garbage":
      response.writeHead(200, { "content-type": "application/json", ...HEADERS });
      response.end('{"choices": [{"message": <!doctype html>');
      return;
    case "hang":
      await pause(FOREVER_MS, signal);
      return;
    case "cut":
      drop("close");
      return;
    case "status":
    case undefined:
      sendJson(response, 200, body, HEADERS);
  }
}

async function sendStream(
  exchange: Exchange,
  request: ModelRequest,
  turn: Turn,
  pace: Pace,
): Promise<void> {
  const { response, signal } = exchange;
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    ...HEADERS,
  });
  if (turn.fault?.kind === "garbage") {
    response.end('data: {"choices": [{"delta": <!doctype html>\n\ndata: \u0000\n\n');
    return;
  }
  const steps = streamSteps(request, turn);
  const stopAt = turn.fault === null || turn.fault.kind === "status" ? null : turn.fault.after;
  const started = performance.now();
  let tokens = 0;
  let pausedMs = 0;
  let waiting = "";
  for (const step of steps.slice(0, stopAt ?? steps.length)) {
    tokens += step.tokens;
    pausedMs += step.pauseMs;
    const dueMs =
      pausedMs + (pace.tokensPerSecond > 0 ? (tokens * 1000) / pace.tokensPerSecond : 0);
    const waitMs = started + dueMs - performance.now();
    if (waitMs > 1) {
      if (waiting !== "") response.write(waiting);
      waiting = "";
      if (!(await pause(waitMs, signal))) return;
    }
    waiting += step.data;
  }
  if (stopAt === null) {
    response.end(`${waiting}data: [DONE]\n\n`);
    return;
  }
  await stopEarly(exchange, waiting, turn);
}

/** Writes what is left, then hangs or cuts the connection in the middle of the answer. */
async function stopEarly(
  { response, drop, signal }: Exchange,
  rest: string,
  turn: Turn,
): Promise<void> {
  await new Promise<void>((resolve) => {
    response.write(rest === "" ? ": stopping\n\n" : rest, () => {
      resolve();
    });
  });
  if (turn.fault?.kind === "hang") await pause(FOREVER_MS, signal);
  else drop("close");
}
