/**
 * Where a run leaves its conversation: the messages the last turn adds, in the form another run can go on from.
 *
 * A call without a result would make the conversation one that providers refuse, so only calls that were answered, or
 * that the client still answers, stay in it.
 */

import type { Conversation } from "../contract/gateway-call.ts";
import type { JsonObject } from "../platform/canonical-json.ts";
import { assistantMessage } from "./chat-messages.ts";
import type { GatewayCalls } from "./chat-tools.ts";
import type { ModelTurn } from "./chat-turn.ts";
import { turnMessages } from "./held-calls.ts";

/** What a run's last turn adds to its conversation. */
export type ConversationEnd = Pick<Conversation, "messages" | "clientIds" | "heldTurn">;

/** A run that ended before its first turn adds nothing. */
export const NO_END: ConversationEnd = { messages: [], clientIds: {}, heldTurn: null };

/**
 * The end of a turn. `executed` is null when none of its gateway calls were made; calls of the client stay open unless
 * `isCut` says that the model never finished them.
 */
export function endOfTurn(
  turn: ModelTurn,
  executed: Pick<GatewayCalls, "contents" | "brokenIds"> | null,
  isCut: boolean,
): ConversationEnd {
  const contents = executed?.contents ?? new Map<string, string>();
  const brokenIds = executed?.brokenIds ?? new Set<string>();
  const calls = turn.calls.filter(({ id, clientId }) =>
    clientId === null ? contents.has(id) : !isCut,
  );
  const clientIds = Object.fromEntries(
    calls.flatMap(({ id, clientId }) => (clientId === null ? [] : [[clientId, id]])),
  );
  const { tool_calls, ...text } = assistantMessage({ ...turn, calls }, { brokenIds });
  if (calls.length === 0) {
    const isEmpty = text["content"] === null && text["refusal"] === undefined;
    return { ...NO_END, messages: isEmpty ? [] : [text] };
  }
  const assistant: JsonObject = { ...text, ...(tool_calls !== undefined && { tool_calls }) };
  const answers = calls.map(({ id }) => ({ id, content: contents.get(id) ?? null }));
  return { messages: turnMessages(assistant, answers), clientIds, heldTurn: null };
}
