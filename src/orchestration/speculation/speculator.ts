/**
 * Starts calls before the model asks for them: when a turn begins, the likeliest next calls that only read, are worth it and fit
 * the budget are started; when the model turns out to make exactly that call, it joins the one that runs. What was
 * guessed wrong is aborted when the turn's calls are known. Nothing of a guess is ever visible unless it was right.
 *
 * Every turn is learned from, whether there was a guess or not.
 */

import { EFFECT_RULES } from "../../contract/effect-rules.ts";
import type { PlannedCall, ToolBox } from "../../contract/planned-call.ts";
import type { JsonObject } from "../../platform/canonical-json.ts";
import { isJsonObject } from "../../platform/canonical-json.ts";
import type { Clock } from "../ports.ts";
import { conversationScene, withCall } from "./conversation-scene.ts";
import { LABEL_FIELD } from "../plan/widen-schema.ts";
import type { Predictor } from "./predictor.ts";
import { NO_COST, type OpinionPorts, type PredictorCost, SecondOpinion } from "./second-opinion.ts";
import type { TenantMemory } from "./tenant-memory.ts";
import { isWorthIt } from "./worth.ts";

/** Guesses of one turn. */
export const MAX_GUESSES = 3;

/** A tenant's guessing: what it remembers and what its policy says. */
export interface Speculation {
  readonly memory: TenantMemory;
  /** Extra calls allowed, as a share of the calls models make. */
  readonly budget: number;
  /** Least probability of a guess, 0 to 1. */
  readonly threshold: number;
  /** How long a call of the tool takes half of the time, ms; null when that is not known. */
  readonly typicalMs: (tool: string) => number | null;
  /** Asked besides what the memory knows. Absent: nobody is. */
  readonly predictor?: Predictor;
}

/** What guessing needs of its run. */
export interface SpeculationPorts {
  readonly tools: ToolBox;
  readonly clock: Clock;
}

/** How a turn went that has been learned from. */
export interface TurnOutcome {
  /** Calls of it that had been guessed. */
  readonly hits: number;
  /** From its beginning until the model began its first call; null without calls. */
  readonly runwayMs: number | null;
}

/** Where guesses run. */
export interface GuessedCalls {
  /** Starts a call nobody has asked for. */
  guess(call: PlannedCall): void;
}

/** A call the model made, by the name it uses. */
export interface MadeCall {
  readonly name: string;
  readonly argumentsJson: string;
}

/** Guesses for one turn. */
export class Speculator {
  readonly #speculation: Speculation;
  readonly #ports: SpeculationPorts;
  readonly #begunAtMs: number;
  readonly #second: SecondOpinion | null;
  #running: GuessedCalls | null = null;
  #guessed = 0;

  constructor(speculation: Speculation, ports: SpeculationPorts) {
    const { memory, threshold, predictor } = speculation;
    this.#speculation = speculation;
    this.#ports = ports;
    this.#begunAtMs = ports.clock.now();
    const opinion: OpinionPorts = {
      clock: ports.clock,
      memory,
      threshold,
      plan: ({ name, argumentsJson }) => this.#plan(name, argumentsJson),
      guess: (call, probability) => this.#guess(call, probability),
    };
    this.#second = predictor === undefined ? null : new SecondOpinion(predictor, opinion);
  }

  /** What asking a predictor has cost so far. */
  get cost(): PredictorCost {
    return this.#second?.cost ?? NO_COST;
  }

  /**
   * The turn begins: starts what the model will probably ask for after `messages`, and asks the predictor about `request`,
   * where there is one. Nothing was said: nothing to guess from.
   */
  begin(
    messages: readonly JsonObject[],
    request: () => JsonObject,
    running: GuessedCalls,
    signal: AbortSignal,
  ): void {
    const { offered } = this.#ports.tools;
    if (messages.length === 0) return;
    this.#running = running;
    const names = offered.map(({ wireName }) => wireName);
    const { predictor } = this.#speculation.memory;
    const guesses = predictor.predict(conversationScene(messages), names, MAX_GUESSES);
    for (const { tool: name, arguments: values, probability } of guesses) {
      const call = this.#plan(name, JSON.stringify(values));
      if (call !== null) this.#guess(call, probability);
    }
    if (this.#second !== null && this.#mayGuessAny()) this.#second.ask(request(), signal);
  }

  /** No more guesses: the model calls by itself, or the turn is over. Resolves when nobody is asked any more. */
  async stop(): Promise<void> {
    await this.#second?.stop();
  }

  /** The call as it would be made, or null when it may not be guessed. */
  #plan(name: string, argumentsJson: string): PlannedCall | null {
    const plan = this.#ports.tools.plan("guess", name, argumentsJson, true);
    return plan.ok && mayGuess(plan.value) ? plan.value : null;
  }

  #guess(call: PlannedCall, probability: number): void {
    const { memory, threshold, typicalMs } = this.#speculation;
    const runwayMs = memory.runwayMs - (this.#ports.clock.now() - this.#begunAtMs);
    // Of a tool nobody has measured, a guess costs and gains as much as there is time for.
    const guess = { probability, expectedMs: typicalMs(call.tool) ?? runwayMs, runwayMs };
    if (this.#guessed >= MAX_GUESSES || !isWorthIt(guess, threshold)) return;
    if (!memory.budget.take()) return;
    this.#guessed += 1;
    this.#running?.guess(call);
  }

  /** Whether any call of the tools the model sees may be guessed at all. */
  #mayGuessAny(): boolean {
    const { tools } = this.#ports;
    return tools.offered.some(({ wireName }) => {
      const tool = tools.find(wireName);
      return tool !== null && mayGuess(tool.call("guess", {}));
    });
  }

  /** The turn after `messages` made these calls; none: the model answered. */
  learn(
    messages: readonly JsonObject[],
    calls: readonly MadeCall[],
    { hits, runwayMs }: TurnOutcome,
  ): void {
    const { memory, budget } = this.#speculation;
    let scene = conversationScene(messages);
    for (const { name, argumentsJson } of calls) {
      const values = writtenValues(argumentsJson);
      if (values === null) continue;
      memory.predictor.observe(scene, { tool: name, arguments: values });
      scene = withCall(scene, name, values);
    }
    if (calls.length === 0) memory.predictor.observeEnd(scene);
    this.#second?.learn(calls.flatMap((call) => this.#plan(call.name, call.argumentsJson) ?? []));
    memory.budget.earn(calls.length, hits, budget);
    if (runwayMs !== null) memory.observeRunway(runwayMs);
  }
}

/**
 * Only what reads, leaves no trace outside, needs nobody's word and refers to nothing: a guess is never bound. A use of a
 * tool that may be used so often only is not spent on a guess.
 */
function mayGuess({ approval, needs, references, ...call }: PlannedCall): boolean {
  const isWhole = references === undefined && (needs ?? []).length === 0;
  const isFree = call.observable !== true && call.isCounted !== true;
  return EFFECT_RULES[call.effect].mayStartEarly && isFree && isWhole && approval === undefined;
}

/** What the model wrote for the tool itself, without the label it gave the call; null when it is not JSON. */
function writtenValues(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text === "" ? "{}" : text);
    if (!isJsonObject(value)) return null;
    const { [LABEL_FIELD]: _label, ...values } = value;
    return values;
  } catch {
    return null;
  }
}
