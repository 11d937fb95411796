/** What a chat run has used so far, over all its turns: the last event's account of it. */

import type { ChatEvent, ChatSummary } from "../contract/chat.ts";
import type { JsonObject } from "../platform/canonical-json.ts";
import type { GatewayCalls } from "./chat-tools.ts";
import type { ModelTurn } from "./chat-turn.ts";
import type { ProgramCount } from "./early-start/program-starts.ts";
import type { EarlyCount } from "./early-start/turn-calls.ts";
import { NO_COST, type PredictorCost } from "./speculation/second-opinion.ts";
import { addUsage } from "./usage.ts";

type Finished = Extract<ChatEvent, { type: "finished" }>;

const NO_PROGRAM: ProgramCount = { launched: 0, hits: 0, savedMs: 0 };

/** Counts of one run. */
export class ChatAccount {
  readonly #run: string;
  readonly #programs: { readonly count: ProgramCount };
  #usage: JsonObject = {};
  #turns = 0;
  #calls = 0;
  #cacheHits = 0;
  #cachedAnswers: { readonly count: number; readonly usage: JsonObject } = { count: 0, usage: {} };
  #degraded: NonNullable<ChatSummary["degraded"]> | null = null;
  #savedMs = 0;
  #lanesUsed = 0;
  /** Of the turns before, and of the one that goes on. */
  readonly #earlier: EarlyCount[] = [];
  #running: { readonly count: EarlyCount } | null = null;

  /** `programs` counts the starts of programs while the run goes on. */
  constructor(run: string, programs: { readonly count: ProgramCount } = { count: NO_PROGRAM }) {
    this.#run = run;
    this.#programs = programs;
  }

  /** Model answers that have begun. */
  get turns(): number {
    return this.#turns;
  }

  /** Gateway calls that took a slot, those that were started early or on a guess and not made included. */
  get calls(): number {
    const { launched, hits: asked } = this.#programs.count;
    const unasked = this.#sum(({ takenBack, guesses, hits }) => takenBack + guesses - hits);
    return this.#calls + unasked + launched - asked;
  }

  /** Counts a model answer that has begun; `running` counts its early starts while it goes on, where there can be any. */
  beginTurn(running: { readonly count: EarlyCount } | null = null): void {
    this.#turns += 1;
    if (this.#running !== null) this.#earlier.push(this.#running.count);
    this.#running = running;
  }

  /** Adds what the provider counted for one turn, or what a kept answer saved, and who answered in its place. */
  addUsage({ usage, saved, degradedTo }: Pick<ModelTurn, "usage" | "saved" | "degradedTo">): void {
    this.#usage = addUsage(this.#usage, usage);
    if (degradedTo !== undefined)
      this.#degraded = { turns: (this.#degraded?.turns ?? 0) + 1, model: degradedTo };
    if (saved === undefined) return;
    const { count, usage: before } = this.#cachedAnswers;
    this.#cachedAnswers = { count: count + 1, usage: addUsage(before, saved) };
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
      ...(this.#cachedAnswers.count > 0 && { cached_answers: this.#cachedAnswers }),
      ...(this.#degraded !== null && { degraded: this.#degraded }),
      saved_ms: this.#savedMs,
      shards: this.#lanesUsed,
      ...this.#early(),
      ...rest,
    };
    return { type: "finished", finishReason, usage: this.#usage, summary };
  }

  #early(): Pick<ChatSummary, "early_starts" | "early_cancelled" | "program" | "speculation"> {
    const { launched: ahead, hits: asked, savedMs: saved } = this.#programs.count;
    const starts = this.#sum(({ starts: of }) => of);
    const launched = this.#sum(({ guesses }) => guesses);
    const hits = this.#sum(({ hits: of }) => of);
    const saved_ms = this.#sum(({ savedMs }) => savedMs);
    const predictor = this.#predictorCost();
    return {
      ...(starts > 0 && {
        early_starts: starts,
        early_cancelled: this.#sum(({ takenBack }) => takenBack),
      }),
      ...(ahead > 0 && {
        program: { launched: ahead, hits: asked, wasted: ahead - asked, saved_ms: saved },
      }),
      ...((launched > 0 || predictor.asked > 0) && {
        speculation: {
          launched,
          hits,
          wasted: launched - hits,
          saved_ms,
          ...(predictor.asked > 0 && { predictor }),
        },
      }),
    };
  }

  #predictorCost(): PredictorCost {
    return this.#counts().reduce(
      (sum, { predictor: { asked, unanswered, usage } }) => ({
        asked: sum.asked + asked,
        unanswered: sum.unanswered + unanswered,
        usage: addUsage(sum.usage, usage),
      }),
      NO_COST,
    );
  }

  #counts(): readonly EarlyCount[] {
    return this.#running === null ? this.#earlier : [...this.#earlier, this.#running.count];
  }

  #sum(pick: (count: EarlyCount) => number): number {
    return this.#counts().reduce((sum, count) => sum + pick(count), 0);
  }
}
