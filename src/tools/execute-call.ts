/**
 * Runs one planned call: what is kept of an earlier one, else request, answer, outcome.
 *
 * Every way it can end is a `CallOutcome` (see call-outcome.ts). The function never rejects; a bug becomes the outcome
 * `internal`.
 */

import type { ChoiceRecord } from "../contract/balance.ts";
import type { CallError, CallOutcome } from "../contract/run.ts";
import { type HttpTool, needsApproval, type Tool } from "../contract/tool.ts";
import type { PlannedCall } from "../contract/planned-call.ts";
import type { Verdict } from "../contract/upstream-session.ts";
import { fail, ok } from "../platform/result.ts";
import type { UpstreamFailure } from "../upstream/failure.ts";
import { readQuota } from "../upstream/quota-headers.ts";
import type { UpstreamAnswer, UpstreamRequest } from "../upstream/send.ts";
import { statusVerdict } from "../upstream/status-verdict.ts";
import { runBuiltin } from "./builtin/run-builtin.ts";
import type { Validators } from "./cache/cache-entry.ts";
import { cachedCall, type SendLimits, type SentCall } from "./cache/cached-call.ts";
import {
  approvalRequired,
  type AttemptFailure,
  type Classified,
  classifyFailure,
  classifyStatus,
  ended,
  lostStatus,
  refused,
} from "./call-outcome.ts";
import { type HttpTarget, httpTargets } from "./http-targets.ts";
import { orFallback } from "./fall-back.ts";
import { type BuiltRequest, buildRequest, usedSecrets } from "./http-template.ts";
import { executeMcp } from "./mcp/execute-mcp.ts";
import { isDamaged, readOutput } from "./read-output.ts";
import { type SendableCall, sendCall } from "./send-call.ts";
import type { ToolPorts } from "./tool-ports.ts";
import { BROKEN_ANSWER, verdictOfFailure } from "./verdict.ts";

/** Longest decoded answer of a tool. */
export const MAX_RESULT_BYTES = 8 * 1024 * 1024;

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
  // The one place every call passes, wherever it was started from: a mark on the call alone could be forgotten.
  const isAsked = call.approval === "required" || needsApproval(tool.definition);
  if (isAsked && call.approval !== "granted") return approvalRequired(tool.name);
  const { builtin, http, mcp } = tool.definition;
  const progress: Progress = { attempts: 0 };
  try {
    if (builtin !== undefined) return executeBuiltin(builtin, call, ports.now());
    if (http !== undefined) {
      const sent = await executeHttp(ports, { tool, http, call }, timeoutMs, signal, progress);
      return orFallback(tool.definition, await noteWrite(ports, tool, sent));
    }
    if (mcp !== undefined) {
      const sent = await executeMcp(ports, { tool, mcp, call }, timeoutMs, signal, progress);
      return orFallback(tool.definition, await noteWrite(ports, tool, sent));
    }
    return refused({ code: "internal", message: "The tool has no kind this gateway knows." });
  } catch {
    const error: CallError = { code: "internal", message: "The gateway failed at this call." };
    return ended(lostStatus(call, progress.attempts > 0, "failed"), error, progress.attempts);
  }
}

/** A write that was made, or may have been, invalidates what is kept under its tags before anybody hears of it. */
async function noteWrite(
  { onWritten }: ToolPorts,
  { definition: { effect, tags } }: Tool,
  outcome: CallOutcome,
): Promise<CallOutcome> {
  const mayWrite = effect === "write" || effect === "idempotent_write";
  const isMade = outcome.status === "succeeded" || outcome.status === "outcome_unknown";
  if (mayWrite && isMade && tags !== undefined && tags.length > 0) await onWritten?.(tags);
  return outcome;
}

/** Requests sent so far, kept outside the call so that a bug does not lose the count. */
interface Progress {
  attempts: number;
  /** One of them was sent beside a slow one. */
  hedged?: true;
}

interface HttpCall {
  readonly tool: Tool;
  readonly http: HttpTool;
  readonly call: PlannedCall;
}

async function executeHttp(
  ports: ToolPorts,
  task: HttpCall,
  timeoutMs: number,
  signal: AbortSignal,
  progress: Progress,
): Promise<CallOutcome> {
  const { tool, http, call } = task;
  const secrets = usedSecrets(http, call.arguments);
  return cachedCall(ports, { tool, call, secrets }, timeoutMs, signal, (own, limits) =>
    sendHttp(own, task, limits, progress),
  );
}

async function sendHttp(
  ports: ToolPorts,
  task: HttpCall,
  { timeoutMs, signal, validators }: SendLimits,
  progress: Progress,
): Promise<SentCall> {
  const { http, call, tool } = task;
  const chosen: { choice?: ChoiceRecord } = {};
  const sendable: SendableCall<HttpTarget, ReadAnswer, UpstreamFailure | NotBuilt> = {
    call,
    definition: tool.definition,
    targets: httpTargets(tool.name, http),
    isKeyed: call.idempotencyKey !== undefined,
    timeoutMs,
    attempt: async ({ url, id }, attemptSignal) => {
      const placed = { ...http, url };
      const built = await buildRequest(placed, call.arguments, ports, ports.openSecret);
      if (!built.ok) return fail({ kind: "not_built", error: built.error, sent: false });
      const { request } = conditional(built.value, validators);
      progress.attempts += 1;
      const { allowLoopback, beforeLongAnswer } = ports;
      const options = {
        allowLoopback,
        maxBytes: MAX_RESULT_BYTES,
        ...(beforeLongAnswer !== undefined && { beforeLongAnswer }),
      };
      const answered = await ports.send(keyedRequest(request, call), options, attemptSignal);
      if (!answered.ok) return answered;
      const { headers } = answered.value;
      ports.pacing?.told(
        id,
        readQuota((name) => headers[name] ?? null, ports.now()),
      );
      return ok(readAnswer(task, built.value, answered.value));
    },
    classify: (result) => (result.ok ? result.value.verdict : verdictOf(result.error)),
    onHedge: () => {
      progress.hedged = true;
    },
    onChoice: (choice) => {
      chosen.choice = choice;
    },
  };
  const answered = await sendCall(ports, sendable, signal);
  const outcome = answered.ok ? answered.value.outcome : outcomeOf(call, answered.error);
  return {
    outcome: { ...outcome, ...chosen, ...progress },
    // What was damaged on its way is not kept.
    answer: answered.ok && answered.value.verdict !== BROKEN_ANSWER ? answered.value.answer : null,
  };
}

/** The request cannot be made for this target: an argument does not fit its place, or a secret is not to be had. */
interface NotBuilt {
  readonly kind: "not_built";
  readonly error: CallError;
  readonly sent: false;
}

function verdictOf(failure: UpstreamFailure | NotBuilt): Verdict {
  if (failure.kind !== "not_built") return verdictOfFailure(failure);
  const isSecret = failure.error.code === "secret_unavailable";
  return { class: isSecret ? "credential" : "ignored", retryAfterMs: null, executed: false };
}

function outcomeOf(call: PlannedCall, failure: AttemptFailure | NotBuilt): Classified {
  return failure.kind === "not_built" ? refused(failure.error) : classifyFailure(call, failure);
}

/** The request with the call's `Idempotency-Key`, unless the tool's own template sets one. */
function keyedRequest(request: UpstreamRequest, { idempotencyKey }: PlannedCall): UpstreamRequest {
  if (idempotencyKey === undefined) return request;
  const headers = { "idempotency-key": idempotencyKey, ...request.headers };
  return { ...request, headers };
}

/** The request as a question whether a kept answer still holds (RFC 9110 §13.1), unless the tool's own template asks one. */
function conditional(
  { request, secrets }: BuiltRequest,
  { etag, lastModified }: Validators,
): BuiltRequest {
  const headers = {
    ...(etag !== undefined && { "if-none-match": etag }),
    ...(lastModified !== undefined && { "if-modified-since": lastModified }),
    ...request.headers,
  };
  return { request: { ...request, headers }, secrets };
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

/** An answer, read: what it means for the call, and what it says of the tool's server. */
interface ReadAnswer {
  readonly answer: UpstreamAnswer;
  readonly outcome: Classified;
  readonly verdict: Verdict;
}

function readAnswer({ tool }: HttpCall, built: BuiltRequest, answer: UpstreamAnswer): ReadAnswer {
  const verdict = statusVerdict(answer.status, answer.retryAfterMs);
  if (answer.status >= 400)
    return { answer, outcome: classifyStatus(answer.status, answer.retryAfterMs), verdict };
  const output = readOutput(tool.definition, answer, built.secrets);
  const outcome: Classified = output.ok
    ? { status: "succeeded", outputJson: output.value }
    : { status: "failed", error: output.error };
  // Text in place of JSON reads as a string; anything else has been parsed.
  const mayBeDamaged = !output.ok || output.value.startsWith('"');
  return { answer, outcome, verdict: mayBeDamaged && isDamaged(answer) ? BROKEN_ANSWER : verdict };
}
