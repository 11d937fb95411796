/**
 * Hidden turns: a turn in which the model called both the gateway's and the client's tools, seen by the client as its
 * own half only, and made whole again when the client comes back.
 *
 * While gateway tools are offered the client's calls carry ids of ours, `call_gw<turn id>_<n>`. They have to be sent as
 * soon as the model names the call, when nobody knows yet whether the turn will turn out mixed, and nothing that is sent
 * later is sure to come back. So every turn in which such an id was sent is kept, also without gateway calls (then it
 * holds nothing but the model's own ids): an id that finds no turn is unknown or expired, never simply "not mixed", and
 * no result, least of all that of a write, is ever dropped from a conversation in silence.
 *
 * The turns of the same run before it, in which only the gateway's tools were called, come back with it: the client never
 * saw them, and a model that did not see its own writes would make them again.
 *
 * The client's half comes from the client: it may have rewritten or left out calls, and may answer only some.
 */

import type { GatewayError } from "../contract/error.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../platform/canonical-json.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { asToolCall } from "./chat-messages.ts";
import type { HiddenTurn } from "./ports.ts";

/** Turns with client calls in one conversation; each is one read of the store. */
export const MAX_HIDDEN_TURNS = 256;

const CLIENT_CALL_ID = /^call_gw([0-9A-Za-z]{22})_\d{1,4}$/;

/** The id under which the client sees the `n`-th of its calls in a turn. */
export function clientCallId(turnId: string, n: number): string {
  return `call_gw${turnId}_${n}`;
}

/** True for an id under which a client saw a call of its own. */
export function isClientCallId(id: string): boolean {
  return CLIENT_CALL_ID.test(id);
}

/** The turn to keep: `calls` with the gateway's results in `contents`, after the run's turns `earlier`. */
export function hiddenTurn(
  text: JsonObject,
  calls: readonly HiddenTurn["calls"][number][],
  contents: ReadonlyMap<string, string>,
  earlier: readonly JsonObject[],
): HiddenTurn {
  return {
    // The client brings its own calls back itself: only their ids are kept.
    calls: calls.map((call) =>
      call.clientId === null ? call : { ...call, name: "", argumentsJson: "" },
    ),
    results: Object.fromEntries(contents),
    ...(text["reasoning_details"] !== undefined && { reasoningDetails: text["reasoning_details"] }),
    ...(earlier.length > 0 && {
      earlier: { messages: earlier, content: text["content"] ?? null },
    }),
  };
}

/** Loads every hidden turn the messages speak of and puts the gateway's half back. */
export async function restoreHiddenTurns(
  messages: readonly JsonObject[],
  load: (turnId: string) => Promise<HiddenTurn | null>,
): Promise<Result<readonly JsonObject[], GatewayError>> {
  const turnIds = new Set(messages.flatMap((message) => callsOf(message).flatMap(turnIdOf)));
  if (turnIds.size > MAX_HIDDEN_TURNS) {
    const message = `At most ${MAX_HIDDEN_TURNS} turns with calls of your own tools can be restored.`;
    return fail({ code: "validation_failed", violations: [{ pointer: "/messages", message }] });
  }
  const turns = new Map<string, HiddenTurn>();
  const loading = [...turnIds].map(async (turnId) => {
    const turn = await load(turnId);
    if (turn !== null) turns.set(turnId, turn);
  });
  await Promise.all(loading);
  return rebuild(messages, turns);
}

function rebuild(
  messages: readonly JsonObject[],
  turns: ReadonlyMap<string, HiddenTurn>,
): Result<readonly JsonObject[], GatewayError> {
  const modelIds = new Map<string, string>();
  const rebuilt: JsonObject[] = [];
  for (const message of messages) {
    const calls = callsOf(message);
    if (calls.some((call) => turnIdOf(call).length > 0)) {
      const whole = makeWhole(calls, turns, modelIds);
      if (whole === null) return fail({ code: "turn_expired" });
      const { earlier, content, reasoning, calls: tool_calls, results } = whole;
      // What the client has kept is the reasoning of all the turns; without the turn's own, none is the truth.
      const isStale = earlier.length > 0 && message["reasoning_details"] !== undefined;
      const reasoning_details = reasoning ?? (isStale ? [] : null);
      const own = {
        ...message,
        ...content,
        ...(reasoning_details !== null && { reasoning_details }),
      };
      rebuilt.push(...earlier, { ...own, tool_calls }, ...results);
    } else {
      const clientId = message["tool_call_id"];
      const modelId = typeof clientId === "string" ? modelIds.get(clientId) : undefined;
      rebuilt.push(modelId === undefined ? message : { ...message, tool_call_id: modelId });
    }
  }
  return ok(rebuilt);
}

interface WholeTurn {
  /** Messages of the run's turns before it. */
  readonly earlier: readonly JsonObject[];
  /** The turn's own text, where the client's message holds that of the turns before it as well. */
  readonly content: { readonly content?: Json };
  /** The turn's own reasoning, in place of whatever the client has kept of all turns. */
  readonly reasoning: Json;
  readonly calls: readonly JsonObject[];
  /** Tool messages of the gateway's calls. */
  readonly results: readonly JsonObject[];
}

/** The calls of one assistant message with the gateway's among them, or null when one belongs to no known turn. */
function makeWhole(
  calls: readonly JsonObject[],
  turns: ReadonlyMap<string, HiddenTurn>,
  modelIds: Map<string, string>,
): WholeTurn | null {
  const byId = new Map(calls.map((call) => [call["id"], call]));
  const whole: JsonObject[] = [];
  const results: JsonObject[] = [];
  const restored = new Set<HiddenTurn>();
  const earlier: JsonObject[] = [];
  let content: WholeTurn["content"] = {};
  let reasoning: Json = null;
  for (const call of calls) {
    const [turnId] = turnIdOf(call);
    if (turnId === undefined) {
      whole.push(call);
      continue;
    }
    const turn = turns.get(turnId);
    if (turn === undefined || !turn.calls.some(({ clientId }) => clientId === call["id"]))
      return null;
    if (restored.has(turn)) continue;
    restored.add(turn);
    if (turn.earlier !== undefined) {
      earlier.push(...turn.earlier.messages);
      content = { content: turn.earlier.content };
    }
    reasoning = turn.reasoningDetails ?? reasoning;
    for (const kept of turn.calls) {
      const { id, clientId, extra } = kept;
      if (clientId === null) {
        whole.push(asToolCall(kept));
        results.push({ role: "tool", tool_call_id: id, content: turn.results[id] ?? "" });
        continue;
      }
      const own = byId.get(clientId);
      if (own === undefined) continue;
      whole.push({ ...own, id, ...extra });
      modelIds.set(clientId, id);
    }
  }
  return { earlier, content, reasoning, calls: whole, results };
}

function callsOf(message: JsonObject): readonly JsonObject[] {
  const calls = message["tool_calls"];
  return calls !== undefined && isJsonArray(calls) ? calls.filter(isJsonObject) : [];
}

/** The turn id inside a call's id, or nothing when the id is not one of ours. */
function turnIdOf(call: JsonObject): readonly string[] {
  const id = call["id"];
  const match = typeof id === "string" ? CLIENT_CALL_ID.exec(id) : null;
  return match?.slice(1) ?? [];
}
