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

/** A timer may fire so much before its time, by the clock it is read with. */
const EARLY_MS = 1;

/**
 * One answer's clocks, kept by one timer that is set anew only where it would fire too late: most answers set it once.
 * `close` must be called; it leaves neither a timer nor a listener.
 */
export class AnswerWatch {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  /** When the whole answer, and the wait that goes on, have taken too long. */
  readonly #totalAtMs: number;
  #waitAtMs = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #firesAtMs = Infinity;
  #ended: EarlyEnd | null = null;

  /** Starts the clock of the whole answer; `caller` must not have aborted yet. */
  constructor(totalMs: number, caller: AbortSignal) {
    this.#caller = caller;
    this.#totalAtMs = performance.now() + totalMs;
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
    const nowMs = performance.now();
    this.#waitAtMs = nowMs + limitMs;
    this.#arm(nowMs);
    try {
      return await wait();
    } finally {
      this.#waitAtMs = Infinity;
    }
  }

  /** Stops watching, and closes the connection unless it `hasEnded` by itself. May be called twice. */
  close(hasEnded = false): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener("abort", this.#onAbort);
    if (!hasEnded) this.#controller.abort();
  }

  /** Sees to it that the timer fires no later than the nearer end. */
  #arm(nowMs: number): void {
    const atMs = Math.min(this.#waitAtMs, this.#totalAtMs);
    if (this.#firesAtMs <= atMs || this.#ended !== null) return;
    clearTimeout(this.#timer);
    this.#firesAtMs = atMs;
    this.#timer = setTimeout(this.#onTimer, atMs - nowMs);
  }

  readonly #onTimer = (): void => {
    this.#firesAtMs = Infinity;
    const nowMs = performance.now();
    const isOver = nowMs + EARLY_MS >= Math.min(this.#waitAtMs, this.#totalAtMs);
    if (isOver) this.#end({ code: "upstream_timeout" });
    else this.#arm(nowMs);
  };

  readonly #onAbort = (): void => this.#end({ code: "cancelled" });

  #end(cause: EarlyEnd): void {
    this.#ended ??= cause;
    this.#controller.abort();
  }
}
