/**
 * What no gateway can beat without guessing: every call sent the moment its last token is written and the results it needs are in,
 * at no cost, against a rival that costs nothing either and asks the model again for every level of the plan.
 *
 * With hedges: each call that takes longer than nearly all gets a second request, at the same age for all; and the bound of
 * whatever rule, a gateway that knows all times beforehand and doubles at once the calls for which that is worth most. With the
 * gateway's own guesses: those that are right begin with the turn.
 */

import {
  canonicalJson,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../src/platform/canonical-json.ts";
import { CallPredictor } from "../../src/orchestration/speculation/call-predictor.ts";
import { withCall } from "../../src/orchestration/speculation/conversation-scene.ts";
import type { Scene } from "../../src/orchestration/speculation/scene.ts";
import { MAX_GUESSES } from "../../src/orchestration/speculation/speculator.ts";

import { mean, quantile } from "../statistics.ts";
import type { GoldPlan } from "./gold-plan.ts";
import { canonical, toolAnswer, toolSeconds, WORLD } from "./latency.ts";
import { plainArguments, writtenCalls, type WrittenCall } from "./model-server.ts";

/** Calls of a plan of which all sets of doubled ones are looked at; of longer plans only the first. */
const MAX_CHOICES = 10;

/** One call of a plan that is played at no cost. */
interface FreeCall {
  /** When its last token is written. */
  readonly closedS: number;
  /** When it was guessed; absent: it was not. */
  readonly startsS?: number;
  /** Places in the plan of the calls whose results it needs. */
  readonly needs: readonly number[];
  readonly firstS: number;
  /** What a second request would take. */
  readonly againS: number;
}

/** One plan on the latencies of one draw. */
export interface FreePlan {
  readonly calls: readonly FreeCall[];
  readonly rivalS: number;
}

/** Every plan on the latencies of every draw. */
export function freePlans(
  plans: readonly GoldPlan[],
  seeds: readonly string[],
): readonly FreePlan[] {
  return seeds.flatMap((seed) => plans.map((plan) => freePlan(plan, seed)));
}

/** Mean time until all results are in, the gateway's over the rival's. */
export function freeRatio(plans: readonly FreePlan[]): number {
  return ratio(
    plans.map(({ calls }) => lastS(calls, ({ firstS }) => firstS)),
    plans,
  );
}

/** The same when the slowest `share` of the calls get a second request at the age that tells them from the others. */
export function hedgedRatio(plans: readonly FreePlan[], share: number): number {
  const times = plans.flatMap(({ calls }) => calls.map(({ firstS }) => firstS));
  const afterS = quantile(times, 1 - share);
  const ends = plans.map(({ calls }) =>
    lastS(calls, ({ firstS, againS }) => Math.min(firstS, afterS + againS)),
  );
  return ratio(ends, plans);
}

/** A plan's guesses: the places of the calls that were right, and how many were not. */
export interface Guessed {
  readonly right: ReadonlySet<number>;
  readonly wrong: number;
}

/** What the gateway's predictor guesses of `judged` after it has learned from `learned`: what is at least so likely. */
export function guesses(
  learned: readonly GoldPlan[],
  judged: readonly GoldPlan[],
  threshold: number,
): readonly Guessed[] {
  const predictor = new CallPredictor();
  for (const plan of learned) {
    let scene = sceneOf(plan);
    for (const { tool, values } of plannedCalls(plan)) {
      predictor.observe(scene, { tool, arguments: values });
      scene = withCall(scene, tool, values);
    }
  }
  return judged.map((plan) => {
    const keys = plannedCalls(plan).map(({ tool, values }) => `${tool} ${canonicalJson(values)}`);
    const offered = plan.tools.map(({ name }) => name);
    const places = predictor
      .predict(sceneOf(plan), offered, MAX_GUESSES)
      .filter(({ probability }) => probability >= threshold)
      .map((call) => keys.indexOf(`${call.tool} ${canonicalJson(call.arguments)}`));
    const right = new Set(places.filter((place) => place >= 0));
    return { right, wrong: places.filter((place) => place < 0).length };
  });
}

function sceneOf({ prompt }: GoldPlan): Scene {
  return [{ kind: "text", text: prompt }];
}

/** The calls of a plan as the model writes them, without their labels. */
function plannedCalls(plan: GoldPlan): readonly { tool: string; values: JsonObject }[] {
  return writtenCalls(plan, new Map(), true).map(({ name, argumentsText }) => {
    const written: Json = JSON.parse(argumentsText);
    const { gw_label: _label, ...values } = isJsonObject(written) ? written : {};
    return { tool: name, values };
  });
}

/** The same with guesses, and hedges for what the wrong ones leave of the `share` of the calls that may be extra. */
export function guessedRatio(
  plans: readonly FreePlan[],
  guessed: readonly Guessed[],
  share: number,
): number {
  const guessOf = (at: number): Guessed | undefined => guessed[at % guessed.length];
  const calls = plans.reduce((sum, plan) => sum + plan.calls.length, 0);
  const wrong = plans.reduce((sum, _, at) => sum + (guessOf(at)?.wrong ?? 0), 0);
  const early = plans.map(({ calls: all, rivalS }, at) => ({
    rivalS,
    calls: all.map((call, place) => {
      const isRight = guessOf(at)?.right.has(place) === true;
      return isRight ? { ...call, startsS: 0 } : call;
    }),
  }));
  return hedgedRatio(early, Math.max(0, share - wrong / calls));
}

/** The same when the `share` of the calls for which it is worth most are known beforehand and sent twice at once. */
export function foreseenRatio(plans: readonly FreePlan[], share: number): number {
  let left = share * plans.reduce((sum, { calls }) => sum + calls.length, 0);
  let savedS = 0;
  // Each plan's best sets of 1, 2 … calls, as steps that save less and less a call: taken in that order they are the optimum.
  const steps = plans.flatMap(({ calls }) => savings(calls));
  for (const { calls, eachS } of steps.toSorted((a, b) => b.eachS - a.eachS)) {
    const taken = Math.min(calls, left);
    savedS += taken * eachS;
    left -= taken;
  }
  const ends = plans.map(({ calls }) => lastS(calls, ({ firstS }) => firstS));
  return (mean(ends) - savedS / plans.length) / mean(plans.map(({ rivalS }) => rivalS));
}

function ratio(ends: readonly number[], plans: readonly FreePlan[]): number {
  return mean(ends) / mean(plans.map(({ rivalS }) => rivalS));
}

/** When the last result is in. A plan lists a call behind those it needs. */
function lastS(calls: readonly FreeCall[], tookS: (call: FreeCall, at: number) => number): number {
  const ends: number[] = [];
  for (const [at, call] of calls.entries()) {
    const neededS = call.needs.map((needed) => ends[needed] ?? 0);
    const startedS = call.startsS ?? Math.max(call.closedS, ...neededS);
    // Nobody has a result before it is known to be wanted.
    ends.push(Math.max(call.closedS, startedS + tookS(call, at)));
  }
  return Math.max(...ends);
}

/** What doubling calls saves: the upper concave hull over how many are doubled, as steps. */
function savings(
  calls: readonly FreeCall[],
): readonly { readonly calls: number; readonly eachS: number }[] {
  const choices = Math.min(calls.length, MAX_CHOICES);
  const plainS = lastS(calls, ({ firstS }) => firstS);
  const best: number[] = Array.from({ length: choices + 1 }, () => 0);
  for (let set = 1; set < 2 ** choices; set += 1) {
    const doubled = (at: number): boolean => at < choices && ((set >> at) & 1) === 1;
    const endS = lastS(calls, ({ firstS, againS }, at) =>
      doubled(at) ? Math.min(firstS, againS) : firstS,
    );
    const size = Array.from({ length: choices }, (_, at) => doubled(at)).filter(Boolean).length;
    best[size] = Math.max(best[size] ?? 0, plainS - endS);
  }
  const steps: { calls: number; eachS: number }[] = [];
  for (let from = 0; from < choices;) {
    let [to, eachS] = [choices, 0];
    for (let size = from + 1; size <= choices; size += 1) {
      const perCall = ((best[size] ?? 0) - (best[from] ?? 0)) / (size - from);
      if (perCall > eachS) [to, eachS] = [size, perCall];
    }
    steps.push({ calls: to - from, eachS });
    from = to;
  }
  return steps;
}

function freePlan(plan: GoldPlan, seed: string): FreePlan {
  const outputs = new Map(plan.tools.map((tool) => [tool.name, tool.outputs]));
  const places = new Map(plan.calls.map(({ label }, at) => [label, at]));
  const results = new Map<string, Record<string, string>>();
  const times = plan.calls.map((call) => {
    const text = canonical(plainArguments(call, results));
    results.set(call.label, toolAnswer(call.tool, text, outputs.get(call.tool) ?? []));
    return {
      needs: Object.values(call.references).map(({ label }) => places.get(label) ?? 0),
      firstS: toolSeconds(seed, call.tool, text),
      againS: toolSeconds(seed, call.tool, text, 1),
    };
  });
  const closed = closedSeconds(writtenCalls(plan, new Map(), true));
  const calls = times.map((time, at) => ({ ...time, closedS: closed[at] ?? 0 }));
  return { calls, rivalS: rivalSeconds(plan, results, times) };
}

/** When each of the calls of one answer is written, from the question on. The head of a call is a token of its own. */
function closedSeconds(written: readonly WrittenCall[]): readonly number[] {
  let tokens = 0;
  return written.map(({ argumentsText }) => {
    tokens += 1 + Math.ceil(argumentsText.length / WORLD.charactersPerToken);
    return WORLD.firstTokenS + (tokens - 1) / WORLD.tokensPerSecond;
  });
}

/** Asks level by level, sends a level's calls when its answer ends and goes on when all their results are in. */
function rivalSeconds(
  plan: GoldPlan,
  results: ReadonlyMap<string, Record<string, string>>,
  times: readonly { readonly firstS: number }[],
): number {
  const known = new Map<string, Record<string, string>>();
  let totalS = 0;
  while (known.size < plan.calls.length) {
    const written = writtenCalls(plan, known, false);
    if (written.length === 0) return Number.NaN;
    const ids = new Set(written.map(({ id }) => id));
    let slowestS = 0;
    for (const [at, { label }] of plan.calls.entries()) {
      if (!ids.has(`call_${label}`)) continue;
      slowestS = Math.max(slowestS, times[at]?.firstS ?? 0);
      known.set(label, results.get(label) ?? {});
    }
    totalS += (closedSeconds(written).at(-1) ?? 0) + slowestS;
  }
  return totalS;
}
