/** Starts chats in which the gateway has no part but its limits, its guard and its account; see orchestration/plain-chat.ts. */

import type { ChatEvent } from "../contract/chat.ts";
import { isPlainChat, plainChat } from "../orchestration/plain-chat.ts";
import { PLATFORM_CLOCK } from "../platform/clock.ts";
import { modelPort } from "./ask-model.ts";
import { cachedModel } from "./cached-model.ts";
import { chosenTools, type StartedRun } from "./execute-order.ts";
import { limitedModel } from "./limited-model.ts";
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
  const asking = modelPort(env, context, defer);
  const askModel = cachedModel(env, context, defer, limitedModel(env, context, defer, asking));
  const deadlineAtMs = PLATFORM_CLOCK.now() + snapshot.policy.runs.deadline_ms;
  const run = { id: runId, request, deadlineAtMs };
  return { id: runId, ...plainChat(run, { clock: PLATFORM_CLOCK, askModel }, signal) };
}
