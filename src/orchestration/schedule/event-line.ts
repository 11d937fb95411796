/**
 * What calls say, one event at a time and in order. Events queue up behind a slow reader; there are at most three of each
 * call, and the calls themselves never wait for it.
 */

import type { CallResult } from "../../contract/run.ts";
import type { CallEvent } from "./scheduler.ts";

/** Hands events to a reader. */
export class EventLine {
  readonly #read: (event: CallEvent) => Promise<void>;
  #tail: Promise<void> = Promise.resolve();

  constructor(read: (event: CallEvent) => Promise<void>) {
    this.#read = read;
  }

  /** Adds an event. */
  say(event: CallEvent): void {
    this.#tail = this.#tail.then(() => this.#read(event));
    // A reader that throws is a bug and reaches whoever awaits `taken`; until then it must not count as unhandled.
    this.#tail.catch(() => undefined);
  }

  /** Adds the event of a call's end. */
  sayEnd(result: CallResult): void {
    const { status } = result;
    if (status === "succeeded") this.say({ type: "call.completed", result });
    else this.say({ type: status === "cancelled" ? "call.cancelled" : "call.failed", result });
  }

  /** Resolves when every event so far was taken; rejects with what the reader threw. */
  taken(): Promise<void> {
    return this.#tail;
  }
}
