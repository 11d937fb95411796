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
import { conversationScene, withCall } from "./conversation-scene.ts";
import { LABEL_FIELD } from "../plan/widen-schema.ts";
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
}

/** What guessing needs of its run. */
export interface SpeculationPorts {
  readonly tools: ToolBox;
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

  constructor(speculation: Speculation, ports: SpeculationPorts) {
    this.#speculation = speculation;
    this.#ports = ports;
  }

  /** The turn begins: starts what the model will probably ask for after `messages`. Nothing was said: nothing to guess from. */
  begin(messages: readonly JsonObject[], running: GuessedCalls): void {
    const { memory, threshold, typicalMs } = this.#speculation;
    const { tools } = this.#ports;
    if (messages.length === 0) return;
    const offered = tools.offered.map(({ wireName }) => wireName);
    const guesses = memory.predictor.predict(conversationScene(messages), offered, MAX_GUESSES);
    for (const { tool: name, arguments: values, probability } of guesses) {
      const plan = tools.plan("guess", name, JSON.stringify(values), true);
      if (!plan.ok || !mayGuess(plan.value)) continue;
      const guess = {
        probability,
        // Of a tool nobody has measured, a guess costs and gains as much as there is time for.
        expectedMs: typicalMs(plan.value.tool) ?? memory.runwayMs,
        runwayMs: memory.runwayMs,
      };
      if (isWorthIt(guess, threshold) && memory.budget.take()) running.guess(plan.value);
    }
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
