/** What a chat run has used so far, over all its turns: the last event's account of it. */

import type { ChatEvent, ChatSummary } from "../contract/chat.ts";
import type { JsonObject } from "../platform/canonical-json.ts";
import type { GatewayCalls } from "./chat-tools.ts";
import type { EarlyCount } from "./early-start/turn-calls.ts";
import { addUsage } from "./usage.ts";

type Finished = Extract<ChatEvent, { type: "finished" }>;

/** Counts of one run. */
export class ChatAccount {
  readonly #run: string;
  #usage: JsonObject = {};
  #turns = 0;
  #calls = 0;
  #cacheHits = 0;
  #savedMs = 0;
  #lanesUsed = 0;
  readonly #early: EarlyCount[] = [];

  constructor(run: string) {
    this.#run = run;
  }

  /** Model answers that have begun. */
  get turns(): number {
    return this.#turns;
  }

  /** Gateway calls that took a slot, those that were started early and taken back included. */
  get calls(): number {
    return this.#calls + this.#takenBack;
  }

  /** Counts a model answer that has begun; `early` is what its calls count while it goes on. */
  beginTurn(early: EarlyCount): void {
    this.#turns += 1;
    this.#early.push(early);
  }

  /** Adds what the provider counted for one turn. */
  addUsage(usage: JsonObject): void {
    this.#usage = addUsage(this.#usage, usage);
  }

  /** Adds the gateway's calls of one turn. */
  addCalls({ executed, cacheHits, savedMs, lanesUsed }: GatewayCalls): void {
    this.#calls += executed;
    this.#cacheHits += cacheHits;
    this.#savedMs += savedMs;
    this.#lanesUsed = Math.max(this.#lanesUsed, lanesUsed);
  }

  /** The run's last event. */
  finished(finishReason: string, rest: Pick<ChatSummary, "stopped_by">): Finished {
    const summary = {
      run: this.#run,
      turns: this.#turns,
      calls: this.#calls,
      cache_hits: this.#cacheHits,
      saved_ms: this.#savedMs,
      shards: this.#lanesUsed,
      ...this.#earlyStarts(),
      ...rest,
    };
    return { type: "finished", finishReason, usage: this.#usage, summary };
  }

  #earlyStarts(): Pick<ChatSummary, "early_starts" | "early_cancelled"> {
    const starts = this.#early.reduce((sum, count) => sum + count.starts, 0);
    return starts === 0 ? {} : { early_starts: starts, early_cancelled: this.#takenBack };
  }

  get #takenBack(): number {
    return this.#early.reduce((sum, { takenBack }) => sum + takenBack, 0);
  }
}
