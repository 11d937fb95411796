/**
 * Guesses the next call of a conversation: the tool by what followed the last steps before, its arguments by where
 * their values came from before. One predictor belongs to one tenant; it holds no values of conversations but the short
 * constants its tools were called with, and forgets everything when told to.
 */

import { BackoffNgram } from "../../algorithms/backoff-ngram.ts";
import type { JsonObject } from "../../platform/canonical-json.ts";
import { ArgumentTemplate } from "./argument-template.ts";
import type { PastCall, Scene } from "./scene.ts";
import { sourcesOf } from "./value-sources.ts";

/** Tools a predictor knows; the least recently called leaves. */
export const MAX_TOOLS = 256;

/** A call that may come next. */
export interface PredictedCall {
  readonly tool: string;
  readonly arguments: JsonObject;
  /** That the very next call is exactly this one, 0 to 1. */
  readonly probability: number;
}

const NGRAM = { order: 3, halfLife: 256, maxHistories: 4_096, maxSymbols: 64 };

/** A step of the conversation at which no call follows. */
const END = "(end)";

/** See above. */
export class CallPredictor {
  readonly #next = new BackoffNgram(NGRAM);
  readonly #templates = new Map<string, ArgumentTemplate>();

  /** Learns that `call` was the next after `scene`. */
  observe(scene: Scene, call: Pick<PastCall, "tool" | "arguments">): void {
    this.#next.observe(historyOf(scene), call.tool);
    const template = this.#templates.get(call.tool) ?? new ArgumentTemplate();
    this.#templates.delete(call.tool);
    this.#templates.set(call.tool, template);
    template.observe(call.arguments, sourcesOf(scene));
    const [oldest] = this.#templates.keys();
    if (this.#templates.size > MAX_TOOLS && oldest !== undefined) this.#templates.delete(oldest);
  }

  /** Learns that no call followed `scene`: the model answered. */
  observeEnd(scene: Scene): void {
    this.#next.observe(historyOf(scene), END);
  }

  /** The likeliest next calls of the tools that are `offered`, likeliest first, at most `most`. */
  predict(scene: Scene, offered: readonly string[], most: number): readonly PredictedCall[] {
    const sources = sourcesOf(scene);
    const calls = this.#next
      .predict(historyOf(scene), new Set([END, ...offered]), 4 * most)
      .flatMap(({ symbol, probability }) => {
        const filled = this.#templates.get(symbol)?.nextCall(sources) ?? null;
        if (filled === null) return [];
        const chance = probability * filled.probability;
        return [{ tool: symbol, arguments: filled.arguments, probability: chance }];
      });
    return calls.toSorted((a, b) => b.probability - a.probability).slice(0, most);
  }

  /** Forgets everything. */
  clear(): void {
    this.#next.clear();
    this.#templates.clear();
  }
}

/** The steps before, as symbols: calls with how they ended, and where a person spoke. */
function historyOf(scene: Scene): readonly string[] {
  const steps = scene.slice(-NGRAM.order);
  return steps.map((step) => {
    if (step.kind === "text") return "said";
    return `${step.tool} ${step.succeeded ? "succeeded" : "failed"}`;
  });
}
