/**
 * The chains of one run: which calls are chains, and how they are run inside it.
 *
 * A chain takes no slot, because it only waits for its steps; steps are submitted to the run's own scheduler, so every
 * cap, the deadline and a cancel hold for them as for any call. A chain that calls itself, directly or through others, is
 * refused when it is registered; since tools change, it is refused again here, and so is nesting beyond
 * `MAX_CHAIN_DEPTH`. All chains of a run together may make `MAX_STEP_CALLS` calls.
 */

import type { PlannedCall } from "../../contract/planned-call.ts";
import type { CallError, CallOutcome, CallResult } from "../../contract/run.ts";
import type { Clock } from "../ports.ts";
import type { InsideCalls, Scheduler } from "../schedule/scheduler.ts";
import type { ChainTools } from "./chain-ports.ts";
import { runChain } from "./run-chain.ts";

/** Chains within chains. */
export const MAX_CHAIN_DEPTH = 4;

/** Calls that all chains of one run may make, attempts and items included. */
export const MAX_STEP_CALLS = 2_000;

/** Runs the chains of one run. */
export function chainCalls(tools: ChainTools, clock: Clock): InsideCalls {
  /** For each step that is being run, the chains it is in, outermost first. */
  const insideOf = new Map<string, readonly string[]>();
  let stepCalls = 0;

  async function execute(
    call: PlannedCall,
    chains: readonly string[],
    scheduler: Scheduler,
    signal: AbortSignal,
  ): Promise<CallResult> {
    if (signal.aborted) return unsent(call, "cancelled", CANCELLED);
    stepCalls += 1;
    if (stepCalls > MAX_STEP_CALLS) return unsent(call, "failed", TOO_MANY);
    insideOf.set(call.id, chains);
    const onAbort = () => {
      scheduler.cancel({ call: call.id });
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      scheduler.submit([call]);
      return await scheduler.result(call.id);
    } finally {
      signal.removeEventListener("abort", onAbort);
      insideOf.delete(call.id);
    }
  }

  return {
    owns: ({ tool }) => tools.chainOf(tool) !== null,
    async run(call, scheduler, timeoutMs, signal): Promise<CallOutcome> {
      if (call.approval === "required") return unapproved(call.tool);
      const chain = tools.chainOf(call.tool);
      const chains = [...(insideOf.get(call.id) ?? []), call.tool];
      if (chain === null || isTooDeep(chains)) return refused(chains);
      const host = {
        clock,
        tools,
        execute: (step: PlannedCall, stepSignal: AbortSignal) =>
          execute(step, chains, scheduler, stepSignal),
      };
      return runChain({ call, chain, timeoutMs }, host, signal);
    },
  };
}

const CANCELLED: CallError = { code: "cancelled", message: "The call was cancelled." };
const TOO_MANY: CallError = {
  code: "call_limit",
  message: `The chains of one run make at most ${MAX_STEP_CALLS} calls.`,
};

function isTooDeep(chains: readonly string[]): boolean {
  return chains.length > MAX_CHAIN_DEPTH || new Set(chains).size < chains.length;
}

/** Nobody has said yes to the chain. Steps whose own tools ask are refused where every call passes, and never made. */
function unapproved(tool: string): CallOutcome {
  const message = `A call of "${tool}" has to be approved first; it was not made.`;
  const error: CallError = { code: "approval_required", message };
  return { status: "approval_required", error, cache: "bypass", attempts: 0 };
}

function refused(chains: readonly string[]): CallOutcome {
  const message = `Chains call each other in a circle or too deeply: ${chains.join(" → ")}.`;
  return {
    status: "failed",
    error: { code: "chain_too_deep", message },
    cache: "bypass",
    attempts: 0,
  };
}

function unsent(
  { id, tool }: PlannedCall,
  status: "cancelled" | "failed",
  error: CallError,
): CallResult {
  const times = { queuedMs: 0, startedMs: 0, durationMs: 0 };
  return { id, tool, status, error, cache: "bypass", attempts: 0, ...times };
}
