/**
 * Messages the gateway writes into the conversation: what the model said in an inner turn, and what its calls gave.
 *
 * Written in the model's order, so that the same turn always gives the same bytes.
 */

import type { JsonObject } from "../platform/canonical-json.ts";
import type { GatewayCalls } from "./chat-tools.ts";
import type { ModelTurn, TurnCall } from "./chat-turn.ts";

/** Calls whose arguments can be read back: some providers refuse a conversation in which they are not JSON. */
export function withSafeArguments(
  calls: readonly TurnCall[],
  { brokenIds }: Pick<GatewayCalls, "brokenIds">,
): readonly TurnCall[] {
  return calls.map((call) =>
    call.argumentsJson === "" || brokenIds.has(call.id) ? { ...call, argumentsJson: "{}" } : call,
  );
}

/** The assistant message of an inner turn, with the text fields the model must see again. */
export function assistantMessage(
  { text, calls }: ModelTurn,
  executed: Pick<GatewayCalls, "brokenIds">,
): JsonObject {
  const { content, ...otherText } = text;
  return {
    role: "assistant",
    content: content === undefined || content === "" ? null : content,
    ...otherText,
    tool_calls: withSafeArguments(calls, executed).map(asToolCall),
  };
}

/** One call as an assistant message holds it, with what the provider must see again. */
export function asToolCall({
  id,
  name,
  argumentsJson,
  extra,
  isCustom,
}: Omit<TurnCall, "clientId">): JsonObject {
  if (isCustom === true)
    return { id, type: "custom", custom: { name, input: argumentsJson }, ...extra };
  return { id, type: "function", function: { name, arguments: argumentsJson }, ...extra };
}

/** One tool message for each call. */
export function toolMessages({ contents }: GatewayCalls): readonly JsonObject[] {
  return [...contents].map(([id, content]) => ({ role: "tool", tool_call_id: id, content }));
}
