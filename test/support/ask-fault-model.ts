/** Asks the fault origin's model provider; the model's name chooses the fault. */

import { inject } from "vitest";

import type { ModelEvent } from "../../src/contract/chat.ts";
import type { JsonObject } from "../../src/platform/canonical-json.ts";
import { askChatModel } from "../../src/upstream/chat-model.ts";
import type { ModelRequest } from "../../src/upstream/ask-provider.ts";

/** Base URL of the fault origin. */
export const origin = inject("servers")["fault"] ?? "";

/** Timeouts that only a hanging test reaches. */
export const TIMEOUTS = { firstByteMs: 5_000, idleMs: 5_000, totalMs: 15_000 };

/** Asks once. `user` in the body names the request in the origin's statistics. */
export function ask(model: string, overrides: Partial<ModelRequest> = {}, body: JsonObject = {}) {
  return askChatModel({
    baseUrl: `${origin}/v1`,
    apiKey: "key-1",
    body: { model, messages: [], stream: true, ...body },
    timeouts: TIMEOUTS,
    allowLoopback: true,
    signal: new AbortController().signal,
    ...overrides,
  });
}

/** All events of an answer that has headers. */
export async function eventsOf(...asked: Parameters<typeof ask>): Promise<ModelEvent[]> {
  const answer = await ask(...asked);
  if (!answer.ok) throw new Error(answer.error.code);
  const events: ModelEvent[] = [];
  for await (const event of answer.value) events.push(event);
  return events;
}
