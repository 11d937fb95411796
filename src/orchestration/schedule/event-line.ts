/**
 * What calls say, one event at a time and in order. Events queue up behind a slow reader; there are at most four of each
 * call (of its progress only the latest waits), and the calls themselves never wait for it.
 */

import {
  hasResult,
  type CallProgress,
  type CallResult,
  MAX_PROGRESS_EVENTS,
} from "../../contract/run.ts";
import type { CallEvent } from "./scheduler.ts";

/** Hands events to a reader. */
export class EventLine {
  readonly #read: (event: CallEvent) => Promise<void>;
  readonly #progress = new Map<string, { told: number; waiting: CallProgress | null }>();
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

  /** Adds how far a call is, or replaces what waits to be read of that; at most `MAX_PROGRESS_EVENTS` of one call are told. */
  sayProgress(id: string, tool: string, progress: CallProgress): void {
    const line = this.#progress.get(id) ?? { told: 0, waiting: null };
    this.#progress.set(id, line);
    if (line.waiting === null) {
      if (line.told === MAX_PROGRESS_EVENTS) return;
      line.told += 1;
      this.#tail = this.#tail.then(() => {
        const latest = line.waiting ?? progress;
        line.waiting = null;
        return this.#read({ type: "call.progress", id, tool, progress: latest });
      });
      this.#tail.catch(() => undefined);
    }
    line.waiting = progress;
  }

  /** Adds the event of a call's end. */
  sayEnd(result: CallResult): void {
    this.#progress.delete(result.id);
    const { status } = result;
    if (hasResult(result)) this.say({ type: "call.completed", result });
    else this.say({ type: status === "cancelled" ? "call.cancelled" : "call.failed", result });
  }

  /** Resolves when every event so far was taken; rejects with what the reader threw. */
  taken(): Promise<void> {
    return this.#tail;
  }
}
