/**
 * Runs one planned call: cache, request, answer, outcome.
 *
 * Every way it can end is a `CallOutcome`, and the effect of the tool decides what a lost answer means: a read has
 * failed, a write may have happened and says so (`outcome_unknown`). Messages name codes and statuses, never what the
 * tool sent. The function never rejects; a bug becomes the outcome `internal`.
 */

import type { CallError, CallOutcome, CallStatus } from "../contract/run.ts";
import type { HttpTool, Tool } from "../contract/tool.ts";
import type { PlannedCall } from "../contract/planned-call.ts";
import { type GuardFailure, guard } from "../resilience/guard.ts";
import type { UpstreamFailure } from "../upstream/failure.ts";
import type { UpstreamAnswer, sendRequest } from "../upstream/send.ts";
import { runBuiltin } from "./builtin/run-builtin.ts";
import { type ResultKey, type TenantScope, resultKey } from "./cache-key.ts";
import {
  type BuiltRequest,
  type OpenSecret,
  type RequestContext,
  buildRequest,
  usedSecrets,
} from "./http-template.ts";
import { readOutput } from "./read-output.ts";
import type { ResultCache } from "./result-cache.ts";

/** Longest decoded answer of a tool. */
export const MAX_RESULT_BYTES = 8 * 1024 * 1024;

/** What one call needs of the world. */
export interface ToolPorts extends RequestContext {
  /** Tools of the run by the tenant's name. */
  readonly tools: ReadonlyMap<string, Tool>;
  readonly send: typeof sendRequest;
  readonly openSecret: OpenSecret;
  /** For each secret of the tenant a text that changes whenever the secret does; never its value. */
  readonly credentials: ReadonlyMap<string, string>;
  /** Null when nothing of this tenant may be cached: policy or residency. */
  readonly cache: { readonly scope: TenantScope; readonly results: ResultCache } | null;
  readonly allowLoopback: boolean;
  now(): number;
}

/** Runs `call` within `timeoutMs`; aborting `signal` aborts its request. Never rejects. */
export async function executeCall(
  ports: ToolPorts,
  call: PlannedCall,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CallOutcome> {
  const tool = ports.tools.get(call.tool);
  if (tool === undefined)
    return refused({ code: "unknown_tool", message: `There is no tool "${call.tool}".` });
  const { builtin, http } = tool.definition;
  const progress: Progress = { attempts: 0 };
  try {
    if (builtin !== undefined) return executeBuiltin(builtin, call, ports.now());
    if (http !== undefined)
      return await executeHttp(ports, { tool, http, call }, timeoutMs, signal, progress);
    return refused({ code: "internal", message: "The tool has no kind this gateway knows." });
  } catch {
    const error: CallError = { code: "internal", message: "The gateway failed at this call." };
    return ended(lostStatus(call, progress.attempts > 0, "failed"), error, progress.attempts);
  }
}

/** Requests sent so far, kept outside the call so that a bug does not lose the count. */
interface Progress {
  attempts: number;
}

interface HttpCall {
  readonly tool: Tool;
  readonly http: HttpTool;
  readonly call: PlannedCall;
}

type AttemptFailure = UpstreamFailure | GuardFailure;

async function executeHttp(
  ports: ToolPorts,
  task: HttpCall,
  timeoutMs: number,
  signal: AbortSignal,
  progress: Progress,
): Promise<CallOutcome> {
  const startedMs = ports.now();
  const entry = await cacheEntry(ports, task);
  const hit = entry === null ? null : await entry.results.get(entry.key, signal);
  if (hit !== null) return { status: "succeeded", outputJson: hit, cache: "hit", attempts: 0 };
  const cache = entry === null ? "bypass" : "miss";
  const built = await buildRequest(task.http, task.call.arguments, ports, ports.openSecret);
  if (!built.ok) return { ...refused(built.error), cache };
  const remainingMs = Math.max(0, timeoutMs - (ports.now() - startedMs));
  const answered = await guard<UpstreamAnswer, UpstreamFailure>(
    { timeoutMs: remainingMs },
    signal,
    (attemptSignal) => {
      progress.attempts += 1;
      const options = { allowLoopback: ports.allowLoopback, maxBytes: MAX_RESULT_BYTES };
      return ports.send(built.value.request, options, attemptSignal);
    },
  );
  const outcome = answered.ok
    ? classifyAnswer(task, built.value, answered.value)
    : classifyFailure(task.call, answered.error);
  if (entry !== null && outcome.outputJson !== undefined) {
    entry.results.put(entry.key, outcome.outputJson, entry.ttlS);
  }
  return { ...outcome, cache, attempts: progress.attempts };
}

interface CacheEntry {
  readonly results: ResultCache;
  readonly key: ResultKey;
  readonly ttlS: number;
}

/** Where this call's result is kept, or null when it may not be: only declared `pure` and `read` tools have a place. */
async function cacheEntry(
  ports: ToolPorts,
  { tool, http, call }: HttpCall,
): Promise<CacheEntry | null> {
  const { cache, effect } = tool.definition;
  if (ports.cache === null || cache === undefined || (effect !== "pure" && effect !== "read"))
    return null;
  const names = [...usedSecrets(http, call.arguments)];
  const credentials = Object.fromEntries(
    names.map((name) => [name, ports.credentials.get(name) ?? ""]),
  );
  const inputs = { arguments: call.arguments, locale: ports.locale, credentials };
  const key = await resultKey(ports.cache.scope, tool, inputs);
  return { results: ports.cache.results, key, ttlS: cache.ttl_s };
}

function executeBuiltin(
  builtin: NonNullable<Tool["definition"]["builtin"]>,
  call: PlannedCall,
  nowMs: number,
): CallOutcome {
  const result = runBuiltin(builtin, call.arguments, nowMs);
  if (!result.ok) return refused({ code: "arguments_invalid", message: result.error });
  return {
    status: "succeeded",
    outputJson: JSON.stringify(result.value),
    cache: "bypass",
    attempts: 0,
  };
}

type Classified = Pick<CallOutcome, "status" | "outputJson" | "error">;

function classifyAnswer(
  { tool }: HttpCall,
  built: BuiltRequest,
  answer: UpstreamAnswer,
): Classified {
  if (answer.status === 429) {
    const error: CallError = {
      code: "rate_limited",
      message: "The tool answered with status 429.",
    };
    const { retryAfterMs } = answer;
    return {
      status: "rate_limited",
      error: retryAfterMs === null ? error : { ...error, retry_after_ms: retryAfterMs },
    };
  }
  if (answer.status >= 400) {
    const message = `The tool answered with status ${answer.status}.`;
    return { status: "failed", error: { code: "upstream_status", message } };
  }
  const output = readOutput(tool.definition, answer, built.secrets);
  return output.ok
    ? { status: "succeeded", outputJson: output.value }
    : { status: "failed", error: output.error };
}

function classifyFailure(call: PlannedCall, failure: AttemptFailure): Classified {
  const lost = (otherwise: CallStatus): CallStatus => lostStatus(call, failure.sent, otherwise);
  switch (failure.kind) {
    case "timeout":
      return {
        status: lost("timeout"),
        error: { code: "tool_timeout", message: "The tool did not answer in time." },
      };
    case "aborted":
    case "cancelled":
      return {
        status: lost("cancelled"),
        error: { code: "cancelled", message: "The call was cancelled." },
      };
    case "unreachable":
      return {
        status: lost("failed"),
        error: {
          code: "upstream_unreachable",
          message: "The tool cannot be reached or broke the connection.",
        },
      };
    case "too_large":
      return {
        status: "failed",
        error: {
          code: "result_too_large",
          message: `The tool's answer is larger than ${failure.maxBytes} bytes.`,
        },
      };
    case "invalid_response":
      return { status: "failed", error: { code: "result_invalid", message: failure.reason } };
    case "redirect_refused":
      return { status: "failed", error: { code: "redirect_refused", message: failure.reason } };
    case "egress_refused":
    case "request_refused":
      return { status: "failed", error: { code: "egress_refused", message: failure.reason } };
  }
}

/** A write that may have reached its tool and got no answer may have happened; anything else ended as it looks. */
function lostStatus(call: PlannedCall, sent: boolean, otherwise: CallStatus): CallStatus {
  const writes = call.effect === "write" || call.effect === "idempotent_write";
  return sent && writes ? "outcome_unknown" : otherwise;
}

/** Ended before anything was sent. */
function refused(error: CallError): CallOutcome {
  return ended("failed", error, 0);
}

function ended(status: CallStatus, error: CallError, attempts: number): CallOutcome {
  return { status, error, cache: "bypass", attempts };
}
