/**
 * Calls of a turn that have to wait for somebody's word, apart from those that need none.
 *
 * Only a call that could be made at once is worth asking about: one with broken arguments goes the ordinary way and
 * becomes an error the model can correct. So does one whose arguments refer to other calls of its turn: what would be
 * approved is not known yet. A call is held by its tool and never by its place in the turn, so the others run at once.
 */

import type { HeldCall, HeldTurn } from "../contract/gateway-call.ts";
import type { Json, JsonObject } from "../platform/canonical-json.ts";
import type { GatewayCalls } from "./chat-tools.ts";
import type { TurnCall } from "./chat-turn.ts";
import type { PlannedCall, ToolBox } from "./ports.ts";

/** A turn's gateway calls, by whether somebody has to be asked. */
export interface AskedCalls {
  /** In the model's order. */
  readonly ready: readonly TurnCall[];
  /** By the model's call id, in the model's order. */
  readonly held: ReadonlyMap<string, HeldCall>;
}

/** Sorts out which of `calls` are held. `turnId` becomes part of their approval ids. */
export function holdCalls(calls: readonly TurnCall[], tools: ToolBox, turnId: string): AskedCalls {
  const asking = new Map(
    tools.offered.flatMap((tool) =>
      tool.needsApproval === true ? [[tool.wireName, tool.name] as const] : [],
    ),
  );
  const held = new Map<string, HeldCall>();
  const ready: TurnCall[] = [];
  for (const call of calls) {
    const tool = asking.get(call.name);
    const plan = tool === undefined ? null : tools.plan(call.id, call.name, call.argumentsJson);
    if (tool === undefined || plan === null || !plan.ok || refersToCalls(plan.value)) {
      ready.push(call);
      continue;
    }
    held.set(call.id, {
      approvalId: approvalId(turnId, held.size),
      wireName: call.name,
      tool,
      argumentsJson: call.argumentsJson,
      toolVersion: plan.value.toolVersion ?? 0,
    });
  }
  return { ready, held };
}

function refersToCalls({ needs = [], references = [] }: PlannedCall): boolean {
  return needs.length + references.length > 0;
}

/** The id under which a client approves of the `n`-th held call of a turn. */
function approvalId(turnId: string, n: number): string {
  return `mcpr_${turnId}_${n}`;
}

/** The turn an approval id speaks of, or null when it is none of ours. */
export function turnOfApproval(id: string): string | null {
  return /^mcpr_([0-9A-Za-z]{22})_\d{1,4}$/.exec(id)?.[1] ?? null;
}

/** The turn to keep: `assistant` as the model made it, after `messages`. */
export function heldTurn(
  messages: readonly JsonObject[],
  assistant: JsonObject,
  calls: readonly TurnCall[],
  held: ReadonlyMap<string, HeldCall>,
  { contents }: Pick<GatewayCalls, "contents">,
): HeldTurn {
  return {
    messages,
    assistant,
    calls: calls.map(({ id, clientId }) => ({
      id,
      clientId,
      held: held.get(id) ?? null,
      content: contents.get(id) ?? null,
    })),
  };
}

/** One tool message for each call of a turn that has been answered, in the model's order. */
export function turnMessages(
  assistant: JsonObject,
  calls: readonly { readonly id: string; readonly content: Json | null }[],
): readonly JsonObject[] {
  const answered = calls.flatMap(({ id, content }): JsonObject[] =>
    content === null ? [] : [{ role: "tool", tool_call_id: id, content }],
  );
  return [assistant, ...answered];
}
