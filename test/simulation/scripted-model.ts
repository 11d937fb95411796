/** The model of a simulated world: says what its scripts say, or fails as they do, and stops when it is left. */

import type { ModelEvent } from "../../src/contract/chat.ts";
import type { ChatPorts, Clock } from "../../src/orchestration/ports.ts";
import { fail, ok } from "../../src/platform/result.ts";
import type { Script } from "./chat-world.ts";
import type { Trace } from "./trace.ts";

/** See above. */
export class ScriptedModel {
  /** Streams that were begun and neither ended nor left. */
  openStreams = 0;
  readonly #clock: Clock;
  readonly #trace: Trace;
  readonly #deadlineAtMs: number;
  readonly #script: () => Script;

  /** `script` is what it says when it is asked now. */
  constructor(clock: Clock, trace: Trace, deadlineAtMs: number, script: () => Script) {
    this.#clock = clock;
    this.#trace = trace;
    this.#deadlineAtMs = deadlineAtMs;
    this.#script = script;
  }

  /** See `ChatPorts`. */
  readonly ask: ChatPorts["askModel"] = async (_body, signal) => {
    const script = this.#script();
    const isOver = this.#clock.now() >= this.#deadlineAtMs;
    this.#trace.demand("nothing is sent after the deadline", !isOver, () => "the model was asked");
    const waitMs = script.opening === "never answers" ? Infinity : script.headersMs;
    await this.#sleep(waitMs, signal);
    if (signal.aborted) return fail({ code: "cancelled" });
    if (script.opening === "refuses") return fail({ code: "upstream_unreachable" });
    return ok(this.#stream(script, signal));
  };

  async *#stream({ name, steps }: Script, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    this.openStreams += 1;
    try {
      for (const step of steps) {
        if (step.type === "wait") await this.#sleep(step.ms, signal);
        if (signal.aborted) {
          yield { type: "failed", error: { code: "cancelled" } };
          return;
        }
        if (step.type === "wait") continue;
        if (step.type === "finish" && (step.reason === "tool_calls" || step.reason === "stop"))
          this.#trace.note({ kind: "meant", script: name });
        yield step;
      }
    } finally {
      this.openStreams -= 1;
    }
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (ms !== Infinity) return this.#clock.sleep(ms, signal);
    if (signal.aborted) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve(), { once: true });
    return promise;
  }
}
