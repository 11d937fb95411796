/**
 * Faults a sample tool can be told to have: per request by `?fault=`, or for a share of all requests by `PUT /_control`.
 * The share is spread evenly by error diffusion, so a run repeats exactly; there is no randomness.
 */

import type { Exchange } from "../http/listen.ts";
import { pause, sendJson } from "../http/listen.ts";
import type { UnknownObject } from "../http/json.ts";
import { numberOf } from "../http/json.ts";

/** Every fault. `500`, `503` and `429` answer with that status; `429` says to come back in a second. */
const FAULTS = [
  "500",
  "503",
  "429",
  "reset",
  "hang",
  "slow",
  "garbage",
  "cut",
  "redirect",
  "large",
] as const;
/** Name of a fault. */
export type Fault = (typeof FAULTS)[number];

/** Milliseconds between two bytes of a `slow` answer. */
const SLOW_BYTE_MS = 25;
/** Size of a `large` answer. */
const LARGE_BYTES = 32 * 1024 * 1024;

/** The fault of that name, or null. */
export function faultNamed(name: unknown): Fault | null {
  return FAULTS.find((fault) => fault === name) ?? null;
}

/** What holds for every request that does not say otherwise. */
export interface Control {
  latencyMs: number;
  fault: Fault | null;
  /** Share of requests the fault hits, 0 to 1. */
  rate: number;
  /** Added latency by first path segment, e.g. `/weather`. */
  latencyByPath: Record<string, number>;
}

/** Applies the body of `PUT /_control`; fields that are absent keep their value, `fault: null` ends the fault. */
export function applyControl(control: Control, change: UnknownObject): void {
  control.latencyMs = numberOf(change, "latency_ms") ?? control.latencyMs;
  control.rate = numberOf(change, "rate") ?? control.rate;
  if ("fault" in change) control.fault = faultNamed(change["fault"]);
}

/** Decides which requests a shared fault hits: every `1/rate`-th, spread evenly. */
export function createFaultDice(control: Control): () => Fault | null {
  let debt = 0;
  return () => {
    if (control.fault === null) return null;
    debt += control.rate;
    if (debt < 1 - 1e-9) return null;
    debt -= 1;
    return control.fault;
  };
}

/** Answers a request with its fault instead of `value`. */
export async function answerFaulty(
  exchange: Exchange,
  fault: Fault,
  value: unknown,
): Promise<void> {
  const { response, signal } = exchange;
  const text = JSON.stringify(value);
  switch (fault) {
    case "500":
    case "503":
      sendJson(response, Number(fault), { error: "scripted fault" });
      return;
    case "429":
      sendJson(response, 429, { error: "scripted fault" }, { "retry-after": "1" });
      return;
    case "reset":
      exchange.drop("reset");
      return;
    case "hang":
      await pause(2_147_483_647, signal);
      return;
    case "garbage":
      response.writeHead(200, { "content-type": "application/json" });
      response.end(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x2c]));
      return;
    case "cut":
      response.writeHead(200, {
        "content-type": "application/json",
        "content-length": String(Buffer.byteLength(text)),
      });
      response.write(text.slice(0, Math.max(1, text.length >> 1)), () => {
        exchange.drop("close");
      });
      return;
    case "redirect":
      response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" });
      response.end();
      return;
    case "large":
      await writeLarge(exchange);
      return;
    case "slow":
      await writeSlowly(exchange, text);
      return;
  }
}

async function writeSlowly({ response, signal }: Exchange, text: string): Promise<void> {
  response.writeHead(200, { "content-type": "application/json" });
  for (const character of text) {
    response.write(character);
    if (!(await pause(SLOW_BYTE_MS, signal))) return;
  }
  response.end();
}

async function writeLarge({ response, signal }: Exchange): Promise<void> {
  response.writeHead(200, { "content-type": "application/json" });
  const piece = `"${"x".repeat(65_533)}",`;
  response.write("[");
  for (let sent = 0; sent < LARGE_BYTES; sent += piece.length) {
    if (signal.aborted) return;
    if (!response.write(piece)) await drained(response, signal);
  }
  response.end("0]");
}

function drained(response: Exchange["response"], signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    response.once("drain", () => {
      resolve();
    });
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}
