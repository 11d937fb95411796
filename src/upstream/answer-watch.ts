/**
 * Watches one model answer from the request to its last byte: the caller's signal, and the clocks of the upstream.
 *
 * Whatever ends the answer early aborts the request, so the connection closes; the first cause is remembered, because
 * the runtime's exception after an abort does not tell who aborted. Time the reader spends on its own does not count as
 * silence of the upstream.
 */

import type { GatewayError } from "../contract/error.ts";

/** How long an answer may take, in milliseconds. */
export interface AnswerTimeouts {
  /** From the request to the response headers. */
  readonly firstByteMs: number;
  /** Between two chunks. */
  readonly idleMs: number;
  /** The whole answer. */
  readonly totalMs: number;
}

/** Why an answer was ended before the upstream ended it. */
type EarlyEnd = Extract<GatewayError, { readonly code: "cancelled" | "upstream_timeout" }>;

/** One answer's clocks. `close` must be called; it leaves neither a timer nor a listener. */
export class AnswerWatch {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #total: ReturnType<typeof setTimeout>;
  #wait: ReturnType<typeof setTimeout> | undefined;
  #ended: EarlyEnd | null = null;

  /** Starts the clock of the whole answer; `caller` must not have aborted yet. */
  constructor(totalMs: number, caller: AbortSignal) {
    this.#caller = caller;
    this.#total = setTimeout(this.#onTimeout, totalMs);
    caller.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Aborts the request when the answer is ended early, and when it is closed. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What ended the answer early, or null. */
  get ended(): EarlyEnd | null {
    return this.#ended;
  }

  /** Runs `wait`, a wait for the upstream, and ends the answer when it takes longer than `limitMs`. */
  async within<T>(limitMs: number, wait: () => Promise<T>): Promise<T> {
    this.#wait = setTimeout(this.#onTimeout, limitMs);
    try {
      return await wait();
    } finally {
      clearTimeout(this.#wait);
    }
  }

  /** Stops watching, and closes the connection unless it `hasEnded` by itself. May be called twice. */
  close(hasEnded = false): void {
    clearTimeout(this.#wait);
    clearTimeout(this.#total);
    this.#caller.removeEventListener("abort", this.#onAbort);
    if (!hasEnded) this.#controller.abort();
  }

  readonly #onAbort = (): void => this.#end({ code: "cancelled" });

  readonly #onTimeout = (): void => this.#end({ code: "upstream_timeout" });

  #end(cause: EarlyEnd): void {
    this.#ended ??= cause;
    this.#controller.abort();
  }
}
