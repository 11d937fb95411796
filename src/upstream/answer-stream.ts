/**
 * A model's answer as an iterable of events over the open connection.
 *
 * Pulls: a slow reader slows the upstream, nothing is buffered ahead. Leaving the iterable early aborts the request; so do
 * the clocks and the caller's signal, which then show as a last `failed` event. After the last event the connection is
 * given a moment to end by itself, so that it can be used again.
 */

import type { ModelEvent } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import type { AnswerParser } from "./answer-parser.ts";
import type { AnswerWatch } from "./answer-watch.ts";
import type { Chunks } from "./read-body.ts";

/** Decoded bytes of one answer. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Once the finish reason has come only usage can follow; an upstream that then stays silent is not waited for longer. */
const FINISH_GRACE_MS = 2_000;

/** Wait for the connection's own end after the last event. */
const LINGER_MS = 20;

/** Told why an answer broke off; what it says of that is what the reader is told. */
export type OnBroken = (error: GatewayError) => GatewayError;

/** The events of one answer. Owned by whoever iterates it: iterate to the end or leave with `return()`. */
export class AnswerStream implements AsyncIterableIterator<ModelEvent, undefined> {
  readonly #chunks: Chunks;
  readonly #parser: AnswerParser;
  readonly #watch: AnswerWatch;
  readonly #idleMs: number;
  readonly #onBroken: OnBroken;
  #queue: readonly ModelEvent[] = [];
  #next = 0;
  #bytes = 0;
  #closed = false;

  constructor(
    chunks: Chunks,
    parser: AnswerParser,
    watch: AnswerWatch,
    idleMs: number,
    onBroken: OnBroken = (error) => error,
  ) {
    this.#chunks = chunks;
    this.#parser = parser;
    this.#watch = watch;
    this.#idleMs = idleMs;
    this.#onBroken = onBroken;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next event; never rejects. */
  async next(): Promise<IteratorResult<ModelEvent, undefined>> {
    for (;;) {
      const event = this.#queue[this.#next];
      if (event !== undefined) {
        this.#next += 1;
        return { done: false, value: event };
      }
      if (this.#closed) return { done: true, value: undefined };
      this.#queue = await this.#fill();
      this.#next = 0;
    }
  }

  /** Leaves the answer: the request is aborted. */
  async return(): Promise<IteratorResult<ModelEvent, undefined>> {
    this.#close();
    this.#queue = [];
    return { done: true, value: undefined };
  }

  /** The events of the next chunk; closes after the last. */
  async #fill(): Promise<readonly ModelEvent[]> {
    const limitMs = this.#parser.finishSeen
      ? Math.min(this.#idleMs, FINISH_GRACE_MS)
      : this.#idleMs;
    const chunk = await this.#watch.within(limitMs, () => this.#chunks.read());
    if (chunk === "end") return this.#finish("end");
    if (chunk === "broken") return this.#finish("broken");
    this.#bytes += chunk.byteLength;
    if (this.#bytes > MAX_ANSWER_BYTES) {
      this.#close();
      return this.#told([{ type: "failed", error: { code: "upstream_invalid_response" } }]);
    }
    const events = this.#parser.push(chunk);
    if (!this.#parser.done) return events;
    const hasEnded = events.at(-1)?.type === "finish" && (await this.#linger());
    this.#close(hasEnded);
    return this.#told(events);
  }

  /** The stream is over, orderly or not; an answer that had its finish reason lacks nothing. */
  #finish(how: "end" | "broken"): readonly ModelEvent[] {
    this.#close(how === "end");
    const { ended } = this.#watch;
    const usable = ended === null || (ended.code !== "cancelled" && this.#parser.finishSeen);
    if (!usable) return this.#told([{ type: "failed", error: ended }]);
    const events = this.#parser.end();
    const last = events.at(-1);
    const isCutOff =
      last?.type === "failed" &&
      last.error.code === "upstream_invalid_response" &&
      (how === "broken" || this.#parser.isCutOff);
    if (!isCutOff) return this.#told(events);
    const error = { ...last.error, isUnfinished: true as const };
    return this.#told([...events.slice(0, -1), { type: "failed", error }]);
  }

  /** The last events of the answer. That it broke off is told before it is said. */
  #told(events: readonly ModelEvent[]): readonly ModelEvent[] {
    const last = events.at(-1);
    if (last?.type !== "failed") return events;
    return [...events.slice(0, -1), { type: "failed", error: this.#onBroken(last.error) }];
  }

  /** True when the connection ended by itself. */
  #linger(): Promise<boolean> {
    return this.#watch.within(LINGER_MS, async () => {
      let chunk = await this.#chunks.read();
      while (typeof chunk !== "string") chunk = await this.#chunks.read();
      return chunk === "end";
    });
  }

  /** Closes the connection, unless it `hasEnded` by itself and there is nothing to abort. */
  #close(hasEnded = false): void {
    this.#closed = true;
    this.#watch.close(hasEnded);
  }
}
