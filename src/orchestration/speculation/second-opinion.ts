/**
 * Asks a predictor for one turn and starts what it foretells, under the rules of any guess.
 *
 * It is asked only when a guess could be made at all: the budget has room, some offered tool only reads, and it is trusted
 * or due for a trial. It is left when the model begins its first call, when the turn is over, or after `ASK_LIMIT_MS`. What
 * it foretold counts for or against it whether it was started or not, as long as the turn's calls became known.
 */

import type { PlannedCall } from "../../contract/planned-call.ts";
import { Abort } from "../../platform/abort.ts";
import { canonicalJson, type JsonObject } from "../../platform/canonical-json.ts";
import type { Clock } from "../ports.ts";
import { createStop, type Stop } from "../stop.ts";
import type { ForetoldCall, Predictor } from "./predictor.ts";
import type { TenantMemory } from "./tenant-memory.ts";

/** How long a predictor may take. */
export const ASK_LIMIT_MS = 10_000;

/** What asking predictors has cost. */
export interface PredictorCost {
  readonly asked: number;
  /** Of those, the ones that were left before they had answered; what they cost is not known. */
  readonly unanswered: number;
  /** Summed as the provider counted it. */
  readonly usage: JsonObject;
}

/** No predictor was asked. */
export const NO_COST: PredictorCost = { asked: 0, unanswered: 0, usage: {} };

/** What a turn lets a predictor do. */
export interface OpinionPorts {
  readonly clock: Clock;
  readonly memory: TenantMemory;
  readonly threshold: number;
  /** The foretold call as it would be made, or null when it may not be guessed. */
  plan(this: void, call: ForetoldCall): PlannedCall | null;
  /** Starts `call`, which is made with this probability, unless that is not worth it. */
  guess(this: void, call: PlannedCall, probability: number): void;
}

/** One turn's question to a predictor. */
export class SecondOpinion {
  readonly #predictor: Predictor;
  readonly #ports: OpinionPorts;
  readonly #left = new Abort();
  #ended: Promise<void> = Promise.resolve();
  #foretold: readonly PlannedCall[] = [];
  #cost: PredictorCost = NO_COST;

  constructor(predictor: Predictor, ports: OpinionPorts) {
    this.#predictor = predictor;
    this.#ports = ports;
  }

  /** Counts on until it has been stopped. */
  get cost(): PredictorCost {
    return this.#cost;
  }

  /** Asks about `request`, if that is worth it. Never throws. */
  ask(request: JsonObject, signal: AbortSignal): void {
    const { clock, memory, threshold } = this.#ports;
    if (!memory.budget.hasRoom || !memory.trust.isWorthAsking(threshold)) return;
    const until = new Abort().follow(signal, this.#left.signal).signal;
    this.#cost = { asked: 1, unanswered: 1, usage: {} };
    this.#ended = this.#listen(request, createStop(clock, clock.now() + ASK_LIMIT_MS, until));
  }

  /** Leaves the predictor; resolves when nothing of the question is open. May be called again. */
  stop(): Promise<void> {
    this.#left.abort();
    return this.#ended;
  }

  /** The turn made these calls. */
  learn(made: readonly PlannedCall[]): void {
    const calls = new Set(made.map(samenessOf));
    for (const call of this.#foretold)
      this.#ports.memory.trust.observe(call.tool, calls.has(samenessOf(call)));
  }

  async #listen(request: JsonObject, stop: Stop): Promise<void> {
    try {
      const predicted = await stop.race(this.#predictor.predict(request, stop.signal));
      if (!predicted.ok || stop.signal.aborted) return;
      const { calls, usage = {} } = predicted.value;
      this.#cost = { asked: 1, unanswered: 0, usage };
      this.#hear(calls);
    } catch {
      // A predictor that fails has predicted nothing; the turn goes on without it.
    } finally {
      stop.release();
    }
  }

  #hear(calls: readonly ForetoldCall[]): void {
    const { memory, plan, guess } = this.#ports;
    const foretold = calls.flatMap((call) => {
      const planned = plan(call);
      return planned === null ? [] : [{ planned, claimed: call.probability ?? 1 }];
    });
    this.#foretold = foretold.map(({ planned }) => planned);
    for (const { planned, claimed } of foretold)
      guess(planned, Math.min(claimed, memory.trust.chanceOf(planned.tool)));
  }
}

function samenessOf({ tool, arguments: values }: PlannedCall): string {
  return `${tool} ${canonicalJson(values)}`;
}
