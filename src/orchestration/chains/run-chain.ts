/**
 * Runs one call of a chain: its steps become calls of the same run, under the same caps, deadline and cancellation.
 *
 * A step starts when the steps it refers to, or names in `after`, have ended; others run beside it. `when` false skips
 * it; a skipped step is null for whoever refers to it. A failed step is handled by its `on_failure`: `fail` ends the chain
 * and aborts what still runs, `skip` and `default` go on; in a `map` that holds for each item by itself (`skip` leaves the
 * item out). A write whose outcome is unknown always ends the chain: nothing may be built on it.
 *
 * The chain ends with its last open step, so nothing of it is open afterwards. Never rejects.
 */

import type { ChainStep, Chain } from "../../contract/chain.ts";
import type { PlannedCall } from "../../contract/planned-call.ts";
import type { CallOutcome, CallResult } from "../../contract/run.ts";
import { Abort } from "../../platform/abort.ts";
import type { Json } from "../../platform/canonical-json.ts";
import type { Clock } from "../ports.ts";
import { createStop, type Stop } from "../stop.ts";
import type { ChainTools } from "./chain-ports.ts";
import { fill, type ChainScope } from "./chain-scope.ts";
import { holds } from "./condition.ts";
import { needsOf } from "./step-needs.ts";
import { runStep, type StepEnd, type StepHost } from "./run-step.ts";
import { stepFailure, type StepFailure } from "./step-call.ts";

/** Characters of all step results one chain may hold at once. */
export const MAX_CHAIN_CHARACTERS = 32 * 1024 * 1024;

/** One call of a chain. */
export interface ChainTask {
  readonly call: PlannedCall;
  readonly chain: Chain;
  readonly timeoutMs: number;
}

/** What running it needs. */
export interface ChainHost {
  readonly clock: Clock;
  readonly tools: ChainTools;
  /** Runs a call of the same run to its end; aborts it when `signal` does. */
  execute(call: PlannedCall, signal: AbortSignal): Promise<CallResult>;
}

/** Runs `task` to its end. */
export async function runChain(
  task: ChainTask,
  host: ChainHost,
  signal: AbortSignal,
): Promise<CallOutcome> {
  const { clock } = host;
  const stop = createStop(clock, clock.now() + task.timeoutMs, signal);
  try {
    return await new ChainRun(task, host, stop).toTheEnd();
  } finally {
    stop.release();
  }
}

class ChainRun {
  readonly #task: ChainTask;
  readonly #host: ChainHost;
  readonly #stop: Stop;
  /** Aborts when the chain must end before it is done. */
  readonly #over = new Abort();
  readonly #steps: ReadonlyMap<string, ChainStep>;
  readonly #ends = new Map<string, Promise<StepEnd>>();
  #failure: StepFailure | null = null;
  #attempts = 0;
  #characters = 0;

  constructor(task: ChainTask, host: ChainHost, stop: Stop) {
    this.#task = task;
    this.#host = host;
    this.#stop = stop;
    this.#steps = new Map(task.chain.calls.map((step) => [step.id, step]));
    stop.onStop(() => this.#over.abort());
  }

  async toTheEnd(): Promise<CallOutcome> {
    const scope = new Map<string, Json>([["input", this.#task.call.arguments]]);
    for (const [id, end] of await this.#all([...this.#steps.keys()])) {
      if (end.kind !== "failed") scope.set(id, end.kind === "value" ? end.value : null);
    }
    const failure = this.#whyEnded();
    if (failure !== null) return this.#outcome(failure);
    const { call, chain } = this.#task;
    const value = fill(chain.output, scope);
    const text = value.ok ? this.#host.tools.writeOutput(call.tool, value.value) : value;
    return text.ok
      ? { status: "succeeded", outputJson: text.value, cache: "bypass", attempts: this.#attempts }
      : this.#outcome({ status: "failed", error: text.error });
  }

  /** An unknown write outweighs everything; else a stop from outside is the reason of whatever failed after it. */
  #whyEnded(): StepFailure | null {
    if (this.#failure?.status === "outcome_unknown") return this.#failure;
    const reason = this.#stop.reason();
    if (reason === null) return this.#failure;
    return reason === "deadline"
      ? {
          status: "timeout",
          error: { code: "tool_timeout", message: "The chain did not end in time." },
        }
      : { status: "cancelled", error: { code: "cancelled", message: "The call was cancelled." } };
  }

  #outcome({ status, error }: StepFailure): CallOutcome {
    return { status, error, cache: "bypass", attempts: this.#attempts };
  }

  /** The ends of steps by id, at most `MAX_CHAIN_STEPS` of them. */
  #all(ids: readonly string[]): Promise<readonly (readonly [string, StepEnd])[]> {
    return Promise.all(ids.map(async (id) => [id, await this.#end(id)] as const));
  }

  /** Each step runs once, whoever asks for it first. Definitions are checked to have no cycle. */
  #end(id: string): Promise<StepEnd> {
    const known = this.#ends.get(id);
    if (known !== undefined) return known;
    const step = this.#steps.get(id);
    const end: Promise<StepEnd> =
      step === undefined ? Promise.resolve({ kind: "skipped" }) : this.#run(step);
    this.#ends.set(id, end);
    return end;
  }

  async #run(step: ChainStep): Promise<StepEnd> {
    const scope = new Map<string, Json>([["input", this.#task.call.arguments]]);
    for (const [id, end] of await this.#all(needsOf(step))) {
      if (end.kind === "failed") return end;
      scope.set(id, end.kind === "value" ? end.value : null);
    }
    if (this.#over.signal.aborted) return FAILED;
    const end = await this.#runIfMeant(step, scope);
    if (end.kind !== "failed" || end.failure === null) return end;
    this.#failure ??= end.failure;
    if (end.failure.status === "outcome_unknown") this.#failure = end.failure;
    this.#over.abort();
    return end;
  }

  async #runIfMeant(step: ChainStep, scope: ChainScope): Promise<StepEnd> {
    if (step.when !== undefined) {
      const isMeant = holds(step.when, scope);
      if (!isMeant.ok) return { kind: "failed", failure: stepFailure(step.id, isMeant.error) };
      if (!isMeant.value) return { kind: "skipped" };
    }
    return runStep(step, scope, this.#stepHost(), this.#over.signal);
  }

  #stepHost(): StepHost {
    const { call } = this.#task;
    const { clock, tools } = this.#host;
    return {
      clock,
      tools,
      parent: call,
      execute: async (planned, signal) => {
        const result = await this.#host.execute(planned, signal);
        this.#attempts += result.attempts;
        this.#characters += result.outputJson?.length ?? 0;
        return this.#characters <= MAX_CHAIN_CHARACTERS ? result : tooLarge(result);
      },
    };
  }
}

const FAILED: StepEnd = { kind: "failed", failure: null };

function tooLarge(result: CallResult): CallResult {
  const { outputJson: _dropped, ...rest } = result;
  const message = `The results of the chain have more than ${MAX_CHAIN_CHARACTERS} characters.`;
  return { ...rest, status: "failed", error: { code: "result_too_large", message } };
}
