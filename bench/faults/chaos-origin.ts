/**
 * A tool server and model provider that fails as its path says, over real HTTP: `/read/<fault>/<share>/<n>` and
 * `/write/<share>/<n>` (any fault of the list). Whether a request meets its fault is drawn from the seed, the call's number and
 * how often that call came, so a repetition is drawn anew and the same run meets the same faults.
 *
 * A ledger counts what each write has done, also where its answer was lost; a refusal (429) does nothing.
 */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

import { isObject } from "../../dev/http/json.ts";
import { pause } from "../bench.ts";
import { seededRandom } from "../statistics.ts";

/** What may befall a request. */
export const HTTP_FAULTS = [
  "slow",
  "500",
  "503",
  "429",
  "429-retry-after",
  "reset",
  "no-answer",
  "bad-body",
  "cut-json",
] as const;
/** One fault. */
export type HttpFault = (typeof HTTP_FAULTS)[number];

const SLOW_MS = 1_500;
const ANSWER = JSON.stringify({ ok: true, filler: "x".repeat(200) });

/** A running one. */
export interface ChaosOrigin {
  readonly url: string;
  /** Calls (by their path) whose first request met a fault. */
  readonly hit: ReadonlySet<string>;
  /** Writes done, by their path. */
  readonly ledger: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** Starts it on a free port. */
export async function startChaosOrigin(seed: number): Promise<ChaosOrigin> {
  const hit = new Set<string>();
  const ledger = new Map<string, number>();
  const came = new Map<string, number>();
  const server = createServer((request, response) => {
    request.resume();
    const path = request.url ?? "/";
    const times = (came.get(path) ?? 0) + 1;
    came.set(path, times);
    const fault = faultOf(path, times, seed);
    if (fault !== null && times === 1) hit.add(path);
    const isRefused = fault === "429" || fault === "429-retry-after";
    if (path.startsWith("/write/") && !isRefused) ledger.set(path, (ledger.get(path) ?? 0) + 1);
    if (path.endsWith("/chat/completions")) void stream(response, came.get(path) ?? 0);
    else void answer(fault, request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${portOf(server)}`, hit, ledger, close: () => closed(server) };
}

/** What `/read/<fault>/<share>/<n>` or `/write/<share>/<n>` meets this time. */
function faultOf(path: string, times: number, seed: number): HttpFault | null {
  const words = path.split("/");
  // So that it is known how long a tool takes, as of any tool in use.
  if (words.at(-1)?.startsWith("u") === true) return null;
  const share = Number(words.at(-2));
  const named = HTTP_FAULTS.find((fault) => fault === words[2]);
  const random = seededRandom(hash(`${path} ${times} ${seed}`));
  if (!(random() < share)) return null;
  return named ?? HTTP_FAULTS[Math.floor(random() * HTTP_FAULTS.length)] ?? null;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x81_1c_9d_c5;
  for (const character of text) {
    value ^= character.codePointAt(0) ?? 0;
    value = Math.imul(value, 0x01_00_01_93);
  }
  return value >>> 0;
}

async function answer(
  fault: HttpFault | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const json = { "content-type": "application/json" };
  switch (fault) {
    case null:
      response.writeHead(200, json).end(ANSWER);
      return;
    case "slow":
      await pause(SLOW_MS);
      if (!response.destroyed) response.writeHead(200, json).end(ANSWER);
      return;
    case "500":
    case "503":
    case "429":
      response.writeHead(Number(fault), json).end("{}");
      return;
    case "429-retry-after":
      response.writeHead(429, { ...json, "retry-after": "1" }).end("{}");
      return;
    case "reset":
      request.socket.resetAndDestroy();
      return;
    case "no-answer":
      return;
    case "bad-body":
      response.writeHead(200, json).end("<<<%%% no format at all");
      return;
    case "cut-json":
      response.writeHead(200, { ...json, "content-length": String(ANSWER.length) });
      response.write(ANSWER.slice(0, ANSWER.length / 2));
      await pause(5);
      response.destroy();
  }
}

function say(delta: object, finish_reason: string | null): string {
  const chunk = { model: "m", choices: [{ index: 0, delta, finish_reason }] };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

/** A model's answer as a stream, of which every second one is cut in its middle. */
async function stream(response: ServerResponse, times: number): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(say({ content: "half" }, null));
  await pause(5);
  if (times % 2 === 0) response.destroy();
  else response.end(`${say({ content: " and whole" }, null)}${say({}, "stop")}data: [DONE]\n\n`);
}

function portOf(server: Server): string {
  const address = server.address();
  return isObject(address) ? String(address["port"]) : "";
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}
