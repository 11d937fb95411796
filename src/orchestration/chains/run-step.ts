/**
 * Runs one step of a chain: a single call, or the calls of a `map`, `reduce` or `loop`.
 *
 * Calls are named after their place: `chain/step`, `chain/step/3` for an item or round, `…~2` for a second attempt. The
 * first failure of a step aborts its other calls, and the step has ended only when they have.
 */

import { MAX_CHAIN_ITEMS, type ChainStep, type Reference } from "../../contract/chain.ts";
import { effectExceeds } from "../../contract/effect-rules.ts";
import type { PlannedCall } from "../../contract/planned-call.ts";
import { hasResult, type CallResult } from "../../contract/run.ts";
import { Abort } from "../../platform/abort.ts";
import { isJsonArray, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { planCall } from "../plan/plan-call.ts";
import type { Clock } from "../ports.ts";
import type { ChainTools } from "./chain-ports.ts";
import { fill, fillObject, type ChainScope } from "./chain-scope.ts";
import { compare } from "./condition.ts";
import { failureOf, pauseBeforeRetry, stepFailure, type StepFailure } from "./step-call.ts";

/** How a step ended. `failure` is null when something else ended it. */
export type StepEnd =
  | { readonly kind: "value"; readonly value: Json }
  | { readonly kind: "skipped" }
  | { readonly kind: "failed"; readonly failure: StepFailure | null };

/** What running a step needs. */
export interface StepHost {
  readonly clock: Clock;
  readonly tools: ChainTools;
  /** The chain's own call. */
  readonly parent: PlannedCall;
  execute(call: PlannedCall, signal: AbortSignal): Promise<CallResult>;
}

/** Runs `step` to its end and applies its failure policy. Never rejects. */
export async function runStep(
  step: ChainStep,
  scope: ChainScope,
  host: StepHost,
  signal: AbortSignal,
): Promise<StepEnd> {
  return new StepRun(step, host, signal).run(scope);
}

type Outcome = Result<Json, StepFailure>;

const AGAIN = { again: true } as const;

/** A step that says how often it is tried repeats its calls itself. */
const REPEATED_HERE = { isRepeatedOutside: true } as const;

type RefusalCode =
  | "arguments_invalid"
  | "list_too_long"
  | "loop_limit"
  | "effect_exceeded"
  | "result_too_large";

class StepRun {
  readonly #step: ChainStep;
  readonly #host: StepHost;
  readonly #signal: AbortSignal;
  readonly #id: string;

  constructor(step: ChainStep, host: StepHost, signal: AbortSignal) {
    this.#step = step;
    this.#host = host;
    this.#signal = signal;
    this.#id = `${host.parent.id}/${step.id}`;
  }

  async run(scope: ChainScope): Promise<StepEnd> {
    const { map, reduce, loop, tool = "" } = this.#step;
    if (map !== undefined) return this.#map(tool, map, scope);
    const outcome =
      reduce !== undefined
        ? await this.#reduce(reduce, scope)
        : loop !== undefined
          ? await this.#loop(tool, loop, scope)
          : await this.#call(this.#id, tool, scope, this.#signal);
    return this.#applyPolicy(outcome);
  }

  /** Each item's end by the step's policy; the list of those that were not left out. */
  async #map(
    tool: string,
    { over, max_parallel: width, limit }: NonNullable<ChainStep["map"]>,
    scope: ChainScope,
  ): Promise<StepEnd> {
    const items = this.#listAt(over, scope);
    if (!items.ok) return this.#applyPolicy(items);
    const { length } = items.value;
    if (length > limit) {
      const message = `The list has ${length} items, more than ${limit}.`;
      return this.#applyPolicy(this.#refuse("list_too_long", message));
    }
    const failed = new Abort().follow(this.#signal);
    const { signal } = failed;
    const ends: StepEnd[] = [];
    const failures: StepEnd[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < length && !signal.aborted) {
        const index = next;
        next += 1;
        const inner = new Map(scope).set("item", items.value[index] ?? null).set("index", index);
        const end = this.#applyPolicy(
          await this.#call(`${this.#id}/${index}`, tool, inner, signal),
        );
        ends[index] = end;
        if (end.kind !== "failed") continue;
        // Items aborted because of it fail too, and later: the first failure is the reason.
        failures.push(end);
        failed.abort();
      }
    };
    await Promise.all(Array.from({ length: Math.min(width, length) }, worker));
    const [failure] = failures;
    if (failure !== undefined) return failure;
    return this.#signal.aborted
      ? { kind: "failed", failure: null }
      : { kind: "value", value: ends.flatMap(valueOf) };
  }

  async #reduce(
    { over, tool, initial }: NonNullable<ChainStep["reduce"]>,
    scope: ChainScope,
  ): Promise<Outcome> {
    const items = this.#listAt(over, scope);
    if (!items.ok) return items;
    if (items.value.length > MAX_CHAIN_ITEMS)
      return this.#refuse("list_too_long", `The list has more than ${MAX_CHAIN_ITEMS} items.`);
    let acc: Json = initial === undefined ? (items.value[0] ?? null) : initial;
    const first = initial === undefined ? 1 : 0;
    for (const [index, item] of items.value.entries()) {
      if (index < first) continue;
      const inner = new Map(scope).set("acc", acc).set("item", item).set("index", index);
      const outcome = await this.#call(`${this.#id}/${index}`, tool, inner, this.#signal);
      if (!outcome.ok) return outcome;
      acc = outcome.value;
    }
    return ok(acc);
  }

  async #loop(
    tool: string,
    { until, max }: NonNullable<ChainStep["loop"]>,
    scope: ChainScope,
  ): Promise<Outcome> {
    let last: Json = null;
    for (let index = 0; index < max; index += 1) {
      const before = new Map(scope).set("last", last).set("index", index);
      const id = `${this.#id}/${index}`;
      const outcome = await this.#call(id, tool, before, this.#signal, index > 0);
      if (!outcome.ok) return outcome;
      last = outcome.value;
      const isDone = compare(until, new Map(before).set("last", last));
      if (!isDone.ok) return fail(stepFailure(this.#step.id, isDone.error));
      if (isDone.value) return ok(last);
    }
    return this.#refuse("loop_limit", `Its condition did not hold after ${max} rounds.`);
  }

  /** One call with its retries. `isAgain`: a round before made the same call perhaps, and wants to know anew. */
  async #call(
    id: string,
    tool: string,
    scope: ChainScope,
    signal: AbortSignal,
    isAgain = false,
  ): Promise<Outcome> {
    const values = fillObject(this.#step.arguments, scope);
    if (!values.ok) return fail(stepFailure(this.#step.id, values.error));
    const planned = this.#plan(id, tool, values.value);
    if (!planned.ok) return planned;
    const { branch } = this.#host.parent;
    const call: PlannedCall = {
      ...planned.value,
      timeoutMs: Math.min(planned.value.timeoutMs, this.#step.timeout_ms ?? Infinity),
      partOf: this.#host.parent.id,
      ...(branch !== undefined && { branch }),
      ...(this.#step.retry !== undefined && REPEATED_HERE),
      // Identical writes are told apart by their number, so that a run that starts again knows them.
      ...(isAgain && !effectExceeds(planned.value.effect, "read") && AGAIN),
    };
    const maxAttempts = this.#step.retry?.max_attempts ?? 1;
    for (let attempt = 1; ; attempt += 1) {
      const named = attempt === 1 ? call : { ...call, id: `${id}~${attempt}`, ...AGAIN };
      const result = await this.#host.execute(named, signal);
      if (hasResult(result)) return this.#valueOf(result);
      const pauseMs = pauseBeforeRetry(call, result, attempt, maxAttempts);
      if (pauseMs === null || signal.aborted) return fail(failureOf(this.#step.id, result));
      await this.#host.clock.sleep(pauseMs, signal);
    }
  }

  /** A result that is not at hand is no value: to go on with nothing in its place would be wrong in silence. */
  #valueOf({ outputJson, kept }: CallResult): Outcome {
    if (kept !== undefined)
      return this.#refuse("result_too_large", "Its result is too long to be built on; it is kept.");
    const value: Json = JSON.parse(outputJson ?? "null");
    return ok(value);
  }

  /** The tool may have changed since the chain was registered, so what was checked then is checked again. */
  #plan(id: string, name: string, values: JsonObject): Result<PlannedCall, StepFailure> {
    const call = planCall(this.#host.tools.find, id, name, values);
    if (!call.ok) return fail(stepFailure(this.#step.id, call.error));
    const { effect } = this.#host.parent;
    if (!effectExceeds(call.value.effect, effect)) return call;
    const message = `The tool "${name}" has the effect ${call.value.effect}, the chain only ${effect}.`;
    return this.#refuse("effect_exceeded", message);
  }

  #listAt(reference: Reference, scope: ChainScope): Result<readonly Json[], StepFailure> {
    const value = fill(reference, scope);
    if (!value.ok) return fail(stepFailure(this.#step.id, value.error));
    // What a skipped step would have listed is an empty list.
    if (value.value === null) return ok([]);
    if (typeof value.value === "object" && isJsonArray(value.value)) return ok(value.value);
    return this.#refuse("arguments_invalid", `The reference "${reference.$ref}" leads to no list.`);
  }

  #refuse(code: RefusalCode, message: string): { readonly ok: false; readonly error: StepFailure } {
    return fail(stepFailure(this.#step.id, { code, message }));
  }

  /** A call that was aborted from outside has no policy: the chain is ending. */
  #applyPolicy(outcome: Outcome): StepEnd {
    if (outcome.ok) return { kind: "value", value: outcome.value };
    const { on_failure: policy } = this.#step;
    const isUnknown = outcome.error.status === "outcome_unknown";
    if (this.#signal.aborted && !isUnknown) return { kind: "failed", failure: null };
    if (policy === "fail" || isUnknown) return { kind: "failed", failure: outcome.error };
    return policy === "skip" ? { kind: "skipped" } : { kind: "value", value: policy.default };
  }
}

function valueOf(end: StepEnd): readonly Json[] {
  return end.kind === "value" ? [end.value] : [];
}
