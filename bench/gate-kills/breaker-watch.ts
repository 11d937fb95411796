/**
 * Breakers that were told to be open before a kill and must be open after it: one that failures opened and one that was
 * forced. It lives in the campaign's own process, which nobody kills.
 */

import { isObject, listOf, parseObject } from "../../dev/http/json.ts";
import { pause } from "../bench.ts";
import type { Answer } from "../http.ts";

/** Sends a request of the watched tenant; a body makes it a POST. */
export type AskGate = (path: string, body?: unknown) => Promise<Answer>;

/** Tools of the watched tenant: nobody listens there, and one is never called. */
export const WATCHED_TOOLS = {
  dead: toolAt("http://127.0.0.1:9/dead"),
  held: toolAt("http://127.0.0.1:9/held"),
};

/** Each call of the dead tool is one request, so the breaker opens within a run of so many. */
export const WATCHED_POLICY = { resilience: { retry: { max_attempts: 1 } } };
const CALLS_TO_OPEN = 8;

/** A gate is told of an opening beside the calls. */
const TOLD_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 20;

function toolAt(url: string): object {
  return {
    description: "Fails",
    input: { type: "object" },
    effect: "read",
    http: { method: "GET", url },
  };
}

/** What the gate's clock, read over HTTP, may be off. */
const CLOCK_SLACK_MS = 50;

/** See above. */
export class BreakerWatch {
  readonly #ask: AskGate;
  /** When the gate said the breaker would let a probe pass, on this process's clock. */
  #opensAtMs = 0;
  /** Openings that were told. */
  told = 0;
  /** Of those, the ones that were forgotten: closed, or open until another time. */
  lost = 0;

  constructor(ask: AskGate) {
    this.#ask = ask;
  }

  /** Opens both and waits until the gate says so; false when it does not in time. */
  async open(): Promise<boolean> {
    await this.#ask("/v1/breakers/tool:dead", { force: "auto" });
    await this.#ask("/v1/breakers/tool:held", { force: "open" });
    // Told apart, because calls that are the same are made once.
    const calls = Array.from({ length: CALLS_TO_OPEN }, (_, n) => ({
      tool: "dead",
      arguments: { n },
    }));
    await this.#ask("/v1/runs", { calls, mode: "sequential" });
    for (const startedMs = performance.now(); performance.now() < startedMs + TOLD_WITHIN_MS;) {
      const dead = (await this.#states()).get("dead");
      if (dead?.state === "open" && dead.waitMs !== null) {
        this.#opensAtMs = performance.now() + dead.waitMs;
        this.told += 2;
        return true;
      }
      await pause(LOOK_EVERY_MS);
    }
    return false;
  }

  /** After a restart: what was told must be so. */
  async look(): Promise<void> {
    const states = await this.#states();
    const dead = states.get("dead");
    const nowMs = performance.now();
    const isOver = nowMs >= this.#opensAtMs;
    const mayBe = isOver ? ["open", "half_open"] : ["open"];
    const isLonger = (dead?.waitMs ?? 0) > Math.max(0, this.#opensAtMs - nowMs) + CLOCK_SLACK_MS;
    if (!mayBe.includes(dead?.state ?? "closed") || isLonger) this.lost += 1;
    if (states.get("held")?.state !== "forced_open") this.lost += 1;
  }

  async #states(): Promise<ReadonlyMap<string, { state: string; waitMs: number | null }>> {
    const { text } = await this.#ask("/v1/breakers");
    return new Map(
      listOf(parseObject(text), "data")
        .filter(isObject)
        .map(({ name, state, retry_after_ms: waitMs }) => [
          String(name).slice("tool:".length),
          { state: String(state), waitMs: typeof waitMs === "number" ? waitMs : null },
        ]),
    );
  }
}
