/**
 * Runs one planned call: cache, request, answer, outcome.
 *
 * Every way it can end is a `CallOutcome` (see call-outcome.ts). The function never rejects; a bug becomes the outcome
 * `internal`.
 */

import type { CallError, CallOutcome } from "../contract/run.ts";
import { type HttpTool, needsApproval, type Tool } from "../contract/tool.ts";
import type { PlannedCall } from "../contract/planned-call.ts";
import { guard } from "../resilience/guard.ts";
import type { UpstreamFailure } from "../upstream/failure.ts";
import type { UpstreamAnswer } from "../upstream/send.ts";
import { runBuiltin } from "./builtin/run-builtin.ts";
import {
  approvalRequired,
  type Classified,
  classifyFailure,
  classifyStatus,
  ended,
  lostStatus,
  refused,
} from "./call-outcome.ts";
import { type BuiltRequest, buildRequest, usedSecrets } from "./http-template.ts";
import { keptResult } from "./kept-result.ts";
import { executeMcp } from "./mcp/execute-mcp.ts";
import { readOutput } from "./read-output.ts";
import type { ToolPorts } from "./tool-ports.ts";

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
    if (http !== undefined)
      return await executeHttp(ports, { tool, http, call }, timeoutMs, signal, progress);
    if (mcp !== undefined)
      return await executeMcp(ports, { tool, mcp, call }, timeoutMs, signal, progress);
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

async function executeHttp(
  ports: ToolPorts,
  task: HttpCall,
  timeoutMs: number,
  signal: AbortSignal,
  progress: Progress,
): Promise<CallOutcome> {
  const startedMs = ports.now();
  const secretsUsed = usedSecrets(task.http, task.call.arguments);
  const entry = await keptResult(ports, task.tool, task.call, secretsUsed);
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
      const { allowLoopback, beforeLongAnswer } = ports;
      const options = {
        allowLoopback,
        maxBytes: MAX_RESULT_BYTES,
        ...(beforeLongAnswer !== undefined && { beforeLongAnswer }),
      };
      return ports.send(keyedRequest(built.value, task.call), options, attemptSignal);
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

/** The request with the call's `Idempotency-Key`, unless the tool's own template sets one. */
function keyedRequest({ request }: BuiltRequest, { idempotencyKey }: PlannedCall) {
  if (idempotencyKey === undefined) return request;
  const headers = { "idempotency-key": idempotencyKey, ...request.headers };
  return { ...request, headers };
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

function classifyAnswer(
  { tool }: HttpCall,
  built: BuiltRequest,
  answer: UpstreamAnswer,
): Classified {
  if (answer.status >= 400) return classifyStatus(answer.status, answer.retryAfterMs);
  const output = readOutput(tool.definition, answer, built.secrets);
  return output.ok
    ? { status: "succeeded", outputJson: output.value }
    : { status: "failed", error: output.error };
}
