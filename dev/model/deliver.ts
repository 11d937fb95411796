/**
 * Sends a turn at the server's pace: after the time to the first token, then so many tokens a second. Steps that are due
 * together leave in one write. A client that leaves stops the writing at once.
 */

import { pause, sendJson, type Exchange } from "../http/listen.ts";
import type { Face, Refusal } from "./face.ts";
import type { ModelRequest } from "./request.ts";
import type { Turn } from "./turn.ts";
import type { Step } from "./wire.ts";

/** Longest wait there is; ended by the client leaving. */
const FOREVER_MS = 2_147_483_647;

/** How fast the model speaks. */
export interface Pace {
  /** 0: as fast as it can be written. */
  readonly tokensPerSecond: number;
  readonly timeToFirstTokenMs: number;
}

const HEADERS = { "x-scripted-model": "1" };

/** Sends an error in the envelope of a protocol. */
export function sendError(
  { response }: Exchange,
  face: Face,
  refusal: Refusal,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendJson(response, refusal.status, face.error(refusal), { ...HEADERS, ...headers });
}

/** Sends a turn, streaming or not, with its fault if it has one. */
export async function deliver(
  exchange: Exchange,
  face: Face,
  request: ModelRequest,
  turn: Turn,
  pace: Pace,
): Promise<void> {
  if (!(await pause(pace.timeToFirstTokenMs + turn.delayMs, exchange.signal))) return;
  const { fault } = turn;
  if (fault?.kind === "status") {
    const retry = fault.retryAfterS === null ? {} : { "retry-after": String(fault.retryAfterS) };
    sendError(exchange, face, fault, retry);
    return;
  }
  if (request.stream) await sendStream(exchange, face.steps(request, turn), face, turn, pace);
  else await sendWhole(exchange, face.whole(request, turn), turn, pace);
}

async function sendWhole(
  { response, drop, signal }: Exchange,
  { body, tokens }: ReturnType<Face["whole"]>,
  turn: Turn,
  pace: Pace,
): Promise<void> {
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
  steps: readonly Step[],
  { ending }: Face,
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
    response.end(waiting + ending);
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
