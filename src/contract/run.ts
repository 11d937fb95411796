/** Runs: a batch of tool calls in, results in call order out. */

import * as z from "zod/mini";

import type { ChoiceRecord } from "./balance.ts";
import {
  Aggregate,
  Branch,
  BranchName,
  type AggregateReport,
  type BranchReport,
} from "./branch.ts";
import type { CacheFault, CacheLayer, CacheUse } from "./cache.ts";
import { AnyObject, CALL_LABEL, ToolName, wholeNumber } from "./names.ts";
import { MAX_PARALLEL_CALLS } from "./policy.ts";

/** Calls in one request, whatever the policy says. */
export const MAX_CALLS_PER_RUN = 256;

/** One call as a client asks for it. */
export const RunCall = z.strictObject({
  /** Unique in the run; `call_<n>` when absent. */
  id: z.optional(z.string().check(z.regex(CALL_LABEL))),
  tool: ToolName,
  arguments: z._default(AnyObject, {}),
  /** The branch it belongs to; `branches` must declare it. */
  branch: z.optional(BranchName),
});

/** The body of `POST /v1/runs`. */
export const RunRequest = z.strictObject({
  calls: z.array(RunCall).check(z.minLength(1), z.maxLength(MAX_CALLS_PER_RUN)),
  mode: z._default(z.enum(["parallel", "sequential"]), "parallel"),
  /** At most the policy's. */
  max_parallel: z.optional(wholeNumber(1, MAX_PARALLEL_CALLS)),
  /** At most the policy's. */
  deadline_ms: z.optional(wholeNumber(1, 300_000)),
  stream: z._default(z.boolean(), false),
  /** The run's branches by name, at most `MAX_BRANCHES`. */
  branches: z.optional(z.record(BranchName, Branch)),
  /** `all` when absent. */
  aggregate: z.optional(Aggregate),
  /** Answers at once; the run goes on by itself and is kept. Not together with `stream`. */
  background: z.optional(z.boolean()),
  /** Keeps the run, its events and its answer, and lets it outlive its client. */
  stored: z.optional(z.boolean()),
});
/** A run request, defaults filled in. */
export type RunRequest = z.infer<typeof RunRequest>;

/**
 * The body of `POST /v1/runs/{id}/cancel`: one branch, one call, or without a body the whole run. `reset` takes the
 * cancel of a branch back: what it cancelled and what was skipped for it runs again, if the run still goes on.
 */
export const RunCancel = z.strictObject({
  branch: z.optional(BranchName),
  call: z.optional(z.string().check(z.minLength(1), z.maxLength(256))),
  reset: z.optional(z.boolean()),
});
/** What of a run to cancel. */
export type RunCancel = z.infer<typeof RunCancel>;

/** One branch or one call of a run; `reset` takes the branch's cancel back. */
export type RunPart =
  | { readonly branch: string; readonly reset: boolean }
  | { readonly call: string };

/**
 * How a call ended. `degraded`: not with its tool's own answer of now, but with a result in its place. `outcome_unknown`: a write was sent and its answer lost; it may have happened. `approval_required`: it
 * was not made, because nobody has said yes to it. `skipped`: it was not made, because a call whose result it needs did
 * not succeed. `circuit_open`: it was not sent, because its upstream fails.
 */
export type CallStatus =
  | "succeeded"
  | "degraded"
  | "failed"
  | "timeout"
  | "cancelled"
  | "rate_limited"
  | "circuit_open"
  | "skipped"
  | "outcome_unknown"
  | "approval_required";

/** True when a call ended with a result that others may build on. */
export function hasResult({ status }: { readonly status: CallStatus }): boolean {
  return status === "succeeded" || status === "degraded";
}

/** How far a call is, as the server of its tool says it. */
export interface CallProgress {
  /** Grows; its unit is the server's. */
  readonly progress: number;
  /** What `progress` will come to, where the server knows. */
  readonly total?: number;
  readonly message?: string;
}

/** Progress of one call that is told; what comes beyond it is passed over. */
export const MAX_PROGRESS_EVENTS = 100;

/** Longest message of a progress that is handed on, in characters. */
export const MAX_PROGRESS_MESSAGE = 500;

/** Why a call did not succeed. Public-safe. */
export interface CallError {
  readonly code: CallErrorCode;
  readonly message: string;
  readonly retry_after_ms?: number;
}

/** Every way one call can fail. */
export type CallErrorCode =
  | "unknown_tool"
  | "arguments_invalid"
  | "arguments_not_json"
  | "tool_timeout"
  | "deadline_exceeded"
  | "cancelled"
  | "upstream_unreachable"
  | "upstream_status"
  /** The tool ran and says that it failed. */
  | "tool_error"
  /** An MCP server answered with a JSON-RPC error. */
  | "mcp_error"
  | "rate_limited"
  /** The upstream fails so much that it is not asked for the moment. */
  | "circuit_open"
  /** Turned away: too many calls, more important ones, want the same upstream. Nothing was sent. */
  | "call_shed"
  | "result_too_large"
  | "result_invalid"
  | "redirect_refused"
  | "egress_refused"
  | "secret_unavailable"
  | "call_limit"
  | "approval_required"
  | "dependency_failed"
  /** A list of a chain's `map` or `reduce` is longer than its limit. */
  | "list_too_long"
  /** A chain's `loop` has made all its rounds and its condition does not hold. */
  | "loop_limit"
  /** A chain's step would do more to the world than the chain declares. */
  | "effect_exceeded"
  /** Chains that call each other in a circle, or are nested too deeply. */
  | "chain_too_deep"
  /** A reference in the arguments that cannot be followed: unknown label, cycle, impossible pointer or type. */
  | "reference_invalid"
  /** A reference that was fine until the result it points into lacked the place. */
  | "reference_unresolved"
  /** A handle of a kept result that is unknown or has expired. */
  | "result_unknown"
  /** Beyond its tool's `max_uses`. */
  | "use_limit"
  /** Failed the same way in earlier turns of the run, so it was not sent again. */
  | "repeated_failure"
  /** The run was lost after the call had been sent. */
  | "interrupted"
  | "internal";

/** An output that is kept instead of handed on. */
export interface KeptOutput {
  readonly handle: string;
  /** Its length in UTF-8. */
  readonly bytes: number;
  /** The most bytes of results that the invocation which ran the call held at once until then. */
  readonly heldBytes: number;
}

/** What became of one call, without its place in the run. `outputJson` is JSON text, so it is never parsed twice. */
export interface CallOutcome {
  readonly status: CallStatus;
  readonly outputJson?: string;
  /** In place of an output too long to be handed on: where it is kept. */
  readonly kept?: KeptOutput;
  readonly error?: CallError;
  readonly cache: CacheUse;
  /** Where a kept result was found. Absent: the tool was asked. */
  readonly cacheLayer?: CacheLayer;
  /** Why a value that was kept was passed over. Absent: none was. */
  readonly cacheFault?: CacheFault;
  /** Requests sent upstream. */
  readonly attempts: number;
  /** A second request was sent beside a slow one. */
  readonly hedged?: true;
  /** Which of its tool's several targets the last request went to, and why. */
  readonly choice?: ChoiceRecord;
}

/** One call's line in a run's answer. Times are milliseconds since the run began. */
export interface CallResult extends CallOutcome {
  readonly id: string;
  readonly tool: string;
  /** Waiting for a slot, from the moment everything it needs was there. */
  readonly queuedMs: number;
  readonly startedMs: number;
  readonly durationMs: number;
  /** What the tool answered after the call had ended as a timeout. For the model alone; the run counts a timeout. */
  readonly lateOutputJson?: string;
}

/** How a run ended. */
export type RunStatus = "completed" | "partial" | "failed" | "cancelled";

/** A finished run. */
export interface RunReport {
  readonly id: string;
  readonly status: RunStatus;
  readonly results: readonly CallResult[];
  /** The longest chain of calls that needed each other, by their durations: no order of starting could have been faster. */
  readonly criticalPathMs: number;
  readonly durationMs: number;
  /** Sum of the calls' durations: what one after the other would have cost. */
  readonly sequentialMs: number;
  /** Invocations that ran calls: 1, or the number of shards. */
  readonly shards: number;
  /** Absent when the run has none. */
  readonly branches?: Readonly<Record<string, BranchReport>>;
  /** Absent for `all`: then the results stand as they are. */
  readonly aggregate?: AggregateReport;
  /** Only for `x-gw-debug: 1`: where the run was admitted, and the limits it had. */
  readonly debug?: {
    readonly region: string;
    readonly limits: { readonly max_parallel: number; readonly deadline_ms: number };
  };
}

/** What a streamed run says, in order. The edge numbers them. */
export type RunEvent =
  /** How far a call is, by the word of its tool's server; at most `MAX_PROGRESS_EVENTS` of one call. */
  | {
      readonly type: "call.progress";
      readonly id: string;
      readonly tool: string;
      readonly progress: CallProgress;
    }
  | { readonly type: "run.created"; readonly run: string; readonly calls: number }
  | { readonly type: "call.queued"; readonly id: string; readonly tool: string }
  | {
      readonly type: "call.started";
      readonly id: string;
      readonly tool: string;
      readonly startedMs: number;
    }
  | {
      readonly type: "call.completed" | "call.failed" | "call.cancelled";
      readonly result: CallResult;
    }
  | { readonly type: "run.completed"; readonly report: RunReport }
  /** The run ended without a report. `too_large`: it said more than can be kept. */
  | {
      readonly type: "run.failed";
      readonly run: string;
      readonly code: "too_large" | "internal";
    };
