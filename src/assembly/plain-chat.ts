/** Starts chats in which the gateway has no part but its limits, its guard and its account; see orchestration/plain-chat.ts. */

import type { ChatEvent } from "../contract/chat.ts";
import { isPlainChat, plainChat } from "../orchestration/plain-chat.ts";
import { PLATFORM_CLOCK } from "../platform/clock.ts";
import { chosenTools, type StartedRun } from "./execute-order.ts";
import { runModel } from "./run-model.ts";
import type { ChatOrder } from "./run-order.ts";

/** Starts the chat when it is one of those, in this invocation; null when it needs the whole run. */
export function startPlainChat(
  env: Env,
  { context, request, tools, isDebug, asItems }: ChatOrder,
  defer: (work: Promise<unknown>) => void,
  signal: AbortSignal,
): StartedRun<ChatEvent> | null {
  const { snapshot, runId } = context;
  const offered = chosenTools(snapshot.tools, tools).length;
  if (isDebug || asItems === true || !isPlainChat(request, offered)) return null;
  const askModel = runModel(env, context, defer);
  const deadlineAtMs = PLATFORM_CLOCK.now() + snapshot.policy.runs.deadline_ms;
  const run = { id: runId, request, deadlineAtMs };
  return { id: runId, ...plainChat(run, { clock: PLATFORM_CLOCK, askModel }, signal) };
}
