/**
 * The edge's way into a run.
 *
 * An ordinary run executes in this invocation and ends with its client. A durable one (under an idempotency key, `stored`
 * or `background`) executes in its `RunJournal` object and this invocation only relays its events, or none: a client that
 * was cut off comes back and finds the same run.
 */

import { waitUntil } from "cloudflare:workers";

import type { ChatEvent, ChatRequest } from "../contract/chat.ts";
import type { GatewayError, Violation } from "../contract/error.ts";
import type { ResponseRequest, ResponseRunEvent } from "../contract/response.ts";
import type { RunEvent, RunPart, RunRequest } from "../contract/run.ts";
import { Abort } from "../platform/abort.ts";
import { toHex, utf8 } from "../platform/encoding.ts";
import { newId } from "../platform/id.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { planRun } from "../orchestration/plan/plan-run.ts";
import { runObject } from "../tenancy/objects.ts";
import { toolFinder } from "../tools/tool-box.ts";
import {
  executeCallsOrder,
  executeChatOrder,
  executeResponseOrder,
  type StartedRun,
} from "./execute-order.ts";
import type { CallsOrder, ChatOrder, OfferedTools, ResponseOrder } from "./run-order.ts";
import { followKeyedRun } from "./keyed-run.ts";
import { startPlainChat } from "./plain-chat.ts";
import { planBranchesOf } from "./plan-branches-of.ts";
import { runContext, type RunCaller } from "./run-context.ts";
import { isRunId, startBackgroundRun, type BackgroundRun } from "./stored-runs.ts";

export type { OfferedTools, RunCaller, StartedRun };

/** How a batch of calls is started. */
export interface CallsOptions {
  readonly idempotencyKey: string | null;
  /** A name of the caller's by which `cancelNamedRun` finds the run while it goes on. */
  readonly cancelName?: string | null;
}

/** Starts a batch of calls. Unknown tools and bad arguments fail before anything is sent. */
export async function startRun(
  env: Env,
  caller: RunCaller,
  request: RunRequest,
  options: CallsOptions,
  signal: AbortSignal,
): Promise<Result<StartedRun<RunEvent>, GatewayError>> {
  const { idempotencyKey, cancelName = null } = options;
  const runId =
    cancelName === null
      ? await runIdOf(caller, idempotencyKey)
      : await namedRunId(caller, cancelName);
  const ordered = await orderRun(caller, runId, request, options.idempotencyKey, null);
  if (!ordered.ok) return ordered;
  const order = ordered.value;
  if (options.idempotencyKey !== null || request.stored === true) {
    return followKeyedRun<RunEvent>(env, order, signal);
  }
  const execute = (runSignal: AbortSignal) => executeCallsOrder(env, order, waitUntil, runSignal);
  // Only a stream tells its run's id while the run can still be cancelled by it; a name is known before.
  const isCancellable = request.stream || cancelName !== null;
  return ok(isCancellable ? cancellable(env, caller, signal, execute) : execute(signal));
}

/**
 * Starts a batch of calls that goes on without its client. `permit` is what it holds of its tenant's concurrency; when
 * the run is new it gives that back at its end.
 */
export async function startRunInBackground(
  env: Env,
  caller: RunCaller,
  request: RunRequest,
  options: { readonly idempotencyKey: string | null; readonly permit: string | null },
): Promise<Result<BackgroundRun, GatewayError>> {
  const { idempotencyKey, permit } = options;
  const runId = await runIdOf(caller, idempotencyKey);
  const ordered = await orderRun(caller, runId, request, idempotencyKey, permit);
  return ordered.ok ? startBackgroundRun(env, ordered.value) : ordered;
}

/** Checks a batch whole and says everything about its run. */
async function orderRun(
  caller: RunCaller,
  runId: string,
  request: RunRequest,
  idempotencyKey: string | null,
  permit: string | null,
): Promise<Result<CallsOrder, GatewayError>> {
  const context = runContext(caller, runId);
  const planned = planRun(toolFinder(context.snapshot.tools), request.calls, "/calls");
  if (!planned.ok) return fail({ code: "unprocessable", violations: planned.error });
  const placed = planBranchesOf(request, planned.value, context.snapshot.tools);
  if (!placed.ok) return placed;
  const isKept = request.stored === true || request.background === true;
  return ok({
    kind: "run",
    context,
    bodyHash: idempotencyKey === null ? "" : await bodyHashOf({ request }),
    request,
    ...placed.value,
    ...(isKept && { stored: { permit } }),
  });
}

/** What a chat request's headers choose. */
export interface ChatOptions {
  readonly tools: OfferedTools;
  readonly idempotencyKey: string | null;
  readonly isDebug: boolean;
  /** For protocols that show every call: the run says the gateway's calls too. */
  readonly asItems?: true;
}

/** Starts a chat completion. */
export async function startChat(
  env: Env,
  caller: RunCaller,
  request: ChatRequest,
  options: ChatOptions,
  signal: AbortSignal,
): Promise<Result<StartedRun<ChatEvent>, GatewayError>> {
  const { tools, idempotencyKey, isDebug, asItems } = options;
  const context = runContext(caller, await runIdOf(caller, idempotencyKey));
  const order = (bodyHash: string): ChatOrder => ({
    kind: "chat",
    context,
    bodyHash,
    request,
    tools,
    isDebug,
    ...(asItems && { asItems }),
  });
  if (idempotencyKey !== null) {
    const bodyHash = await bodyHashOf({ request, tools, asItems });
    return followKeyedRun<ChatEvent>(env, order(bodyHash), signal);
  }
  const plain = startPlainChat(env, order(""), waitUntil, signal);
  return ok(plain ?? executeChatOrder(env, order(""), waitUntil, signal));
}

/** Starts a response. */
export async function startResponse(
  env: Env,
  caller: RunCaller,
  request: ResponseRequest,
  options: ResponseOptions,
  signal: AbortSignal,
): Promise<Result<StartedRun<ResponseRunEvent>, GatewayError>> {
  const order = await orderResponse(caller, request, options);
  return options.idempotencyKey === null
    ? ok(executeResponseOrder(env, order, waitUntil, signal))
    : followKeyedRun<ResponseRunEvent>(env, order, signal);
}

/** Starts a response that goes on without its client; for `permit` see `startRunInBackground`. */
export async function startResponseInBackground(
  env: Env,
  caller: RunCaller,
  request: ResponseRequest,
  options: ResponseOptions & { readonly permit: string | null },
): Promise<Result<BackgroundRun, GatewayError>> {
  const order = await orderResponse(caller, request, options);
  return startBackgroundRun(env, { ...order, stored: { permit: options.permit } });
}

type ResponseOptions = Pick<ChatOptions, "tools" | "idempotencyKey">;

async function orderResponse(
  caller: RunCaller,
  request: ResponseRequest,
  { tools, idempotencyKey }: ResponseOptions,
): Promise<ResponseOrder> {
  return {
    kind: "response",
    context: runContext(caller, await runIdOf(caller, idempotencyKey)),
    bodyHash: idempotencyKey === null ? "" : await bodyHashOf({ request, tools }),
    request,
    tools,
    keyId: caller.key.keyId,
    createdAtS: Math.floor(Date.now() / 1000),
  };
}

/**
 * Cancels a run of this tenant that is going on, or a part of it; `not_found` when there is none, `unprocessable` when it
 * has no such part.
 */
export async function cancelRun(
  env: Env,
  caller: RunCaller,
  runId: string,
  part: RunPart | null,
): Promise<Result<null, GatewayError>> {
  if (!isRunId(runId)) return fail({ code: "not_found" });
  switch (await journalOf(env, caller, runId).cancel(part)) {
    case "cancelled":
      return ok(null);
    case "no_such_run":
      return fail({ code: "not_found" });
    case "no_such_part":
      return fail({ code: "unprocessable", violations: [unknownPart(part)] });
  }
}

function unknownPart(part: RunPart | null): Violation {
  if (part === null || "call" in part)
    return { pointer: "/call", message: "The run has no such call." };
  return part.reset
    ? {
        pointer: "/reset",
        message: "The run has no such cancelled branch, or its group is decided.",
      }
    : { pointer: "/branch", message: "The run has no such branch." };
}

/** Cancels the run that was started under this name by the same key, if it still goes on. */
export async function cancelNamedRun(env: Env, caller: RunCaller, name: string): Promise<void> {
  await journalOf(env, caller, await namedRunId(caller, name)).cancel(null);
}

/** Executes a run whose journal can cancel it by a callback; registering costs the run no wait. */
function cancellable<Event>(
  env: Env,
  caller: RunCaller,
  signal: AbortSignal,
  execute: (signal: AbortSignal) => StartedRun<Event>,
): StartedRun<Event> {
  const cancelled = new Abort().follow(signal);
  const run = execute(cancelled.signal);
  const watch = journalOf(env, caller, run.id).watch((part) => {
    if (part !== null) return run.control?.cancel(part) ?? false;
    cancelled.abort();
    return true;
  });
  // A journal that is lost only takes the cancel route away; the run itself goes on.
  const ended = async () => {
    await run.ended;
    await watch.then(
      (held) => held[Symbol.dispose](),
      () => undefined,
    );
  };
  return { ...run, ended: ended() };
}

function journalOf(env: Env, { snapshot }: RunCaller, runId: string) {
  return runObject(env, snapshot.residency, snapshot.tenantId, runId);
}

/** A fresh id, or for an idempotency key always the same one; bound to the API key, so keys cannot read each other's runs. */
async function runIdOf(
  { key, snapshot }: RunCaller,
  idempotencyKey: string | null,
): Promise<string> {
  if (idempotencyKey === null) return newId("run");
  const digest = await sha256(JSON.stringify([snapshot.tenantId, key.keyId, idempotencyKey]));
  return `run_${toHex(digest).slice(0, 22)}`;
}

/** The id of the run a key's client calls so; no idempotency key leads to it. */
async function namedRunId({ key, snapshot }: RunCaller, name: string): Promise<string> {
  const digest = await sha256(JSON.stringify([snapshot.tenantId, key.keyId, "named", name]));
  return `run_${toHex(digest).slice(0, 22)}`;
}

async function bodyHashOf(body: object): Promise<string> {
  return toHex(await sha256(JSON.stringify(body)));
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text)));
}
