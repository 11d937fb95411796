/**
 * Messages with blocks as chat messages.
 *
 * An assistant message of ours shows every turn of a run: text, the gateway's calls, their results, and so on. It is taken
 * apart into those turns again, so the model reads what really happened. Where the client's own calls carry the id of a
 * turn that the gateway keeps, that turn and the ones before it come from there, and the client's copy of them is dropped.
 */

import type { Violation } from "../../contract/error.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import { isClientCallId } from "../hidden-turn.ts";
import { chatContent, plainText } from "./message-content.ts";
import { reasoningDetail } from "./thinking-blocks.ts";
import type { MessagesTarget } from "./target.ts";

/** A message of the chat form. */
type ChatMessageJson = JsonObject & { readonly role: string };

/** The conversation in chat form; what cannot be expressed is added to `violations`. */
export function chatMessages(
  messages: Json,
  target: MessagesTarget,
  violations: Violation[],
): readonly ChatMessageJson[] {
  return (isJsonArray(messages) ? messages : []).flatMap((message, index) => {
    if (!isJsonObject(message)) return [];
    const reading = { target, violations, pointer: `/messages/${index}/content` };
    const content = message["content"] ?? null;
    const { role } = message;
    if (role === "assistant") return assistantTurns(content, reading);
    if (role === "system") return [{ role, content: readParts(content, reading) }];
    return userMessages(content, reading);
  });
}

interface Reading {
  readonly target: MessagesTarget;
  readonly violations: Violation[];
  readonly pointer: string;
}

function readParts(content: Json, { pointer, target, violations }: Reading): readonly JsonObject[] {
  return chatContent(content, pointer, target, violations);
}

/** Results first, as tool messages; then what else the user says, with the images that were in results. */
function userMessages(content: Json, reading: Reading): readonly ChatMessageJson[] {
  if (typeof content === "string") return [{ role: "user", content }];
  const results: ChatMessageJson[] = [];
  const pictures: JsonObject[] = [];
  for (const [index, block] of (isJsonArray(content) ? content : []).entries()) {
    if (!isJsonObject(block) || block["type"] !== "tool_result") continue;
    const pointer = `${reading.pointer}/${index}/content`;
    const parts = readParts(block["content"] ?? null, { ...reading, pointer });
    // A tool message holds text alone; what else the result shows follows it.
    const texts = parts.filter(({ type }) => type === "text");
    pictures.push(...parts.filter(({ type }) => type !== "text"));
    results.push({
      role: "tool",
      tool_call_id: block["tool_use_id"] ?? "",
      content: plainText(texts) ?? "",
      ...(block["is_error"] === true && reading.target.isMessages && { is_error: true }),
    });
  }
  const parts = [...pictures, ...readParts(content, reading)];
  return parts.length === 0 ? results : [...results, { role: "user", content: parts }];
}

/** One turn of an assistant message while it is read. */
interface Turn {
  text: string[];
  details: Json[];
  calls: { readonly call: JsonObject; readonly isOwn: boolean }[];
  results: ChatMessageJson[];
}

function newTurn(): Turn {
  return { text: [], details: [], calls: [], results: [] };
}

function assistantTurns(content: Json, reading: Reading): readonly ChatMessageJson[] {
  if (typeof content === "string") return [{ role: "assistant", content }];
  const blocks = isJsonArray(content) ? content.filter(isJsonObject) : [];
  const isKept = blocks.some(
    ({ type, id }) => type === "tool_use" && typeof id === "string" && isClientCallId(id),
  );
  const turns: Turn[] = [newTurn()];
  for (const block of blocks) {
    const turn = turns.at(-1) ?? newTurn();
    const type = block["type"];
    if (type === "mcp_tool_result") {
      if (!isKept) turn.results.push(resultOf(block, reading));
      continue;
    }
    const isCall = type === "mcp_tool_use" || type === "tool_use";
    // After results the next turn begins.
    const open = turn.results.length > 0 ? newTurn() : turn;
    if (open !== turn) turns.push(open);
    if (!isCall || (type === "mcp_tool_use" && isKept)) addSaid(open, block, reading.target);
    else open.calls.push(callOf(block));
  }
  return turns.flatMap(messagesOf);
}

function addSaid(turn: Turn, block: JsonObject, target: MessagesTarget): void {
  if (block["type"] === "text" && typeof block["text"] === "string") turn.text.push(block["text"]);
  const detail = reasoningDetail(block, target);
  if (detail !== null) turn.details.push(detail);
}

function messagesOf({ text, details, calls, results }: Turn): readonly ChatMessageJson[] {
  // A call that was cut off has no result, and providers refuse one without.
  const answered = new Set(results.map(({ tool_call_id }) => tool_call_id));
  const tool_calls = calls.flatMap(({ call, isOwn }) =>
    isOwn || answered.has(call["id"] ?? "") ? [call] : [],
  );
  if (text.length === 0 && tool_calls.length === 0) return [];
  return [
    {
      role: "assistant",
      content: text.length === 0 ? null : text.join(""),
      ...(details.length > 0 && { reasoning_details: details }),
      ...(tool_calls.length > 0 && { tool_calls }),
    },
    ...results,
  ];
}

function callOf({ type, id, name, input }: JsonObject): Turn["calls"][number] {
  const isOwn = type === "tool_use";
  const written = typeof name === "string" ? name : "";
  const described = {
    // The gateway shows its tools by the tenant's names; the model knows them without `.` and `:`.
    name: isOwn ? written : written.replaceAll(/[.:]/g, "_"),
    arguments: JSON.stringify(input ?? {}),
  };
  return { call: { id: id ?? "", type: "function", function: described }, isOwn };
}

function resultOf(block: JsonObject, reading: Reading): ChatMessageJson {
  const parts = readParts(block["content"] ?? null, reading);
  return {
    role: "tool",
    tool_call_id: block["tool_use_id"] ?? "",
    content: plainText(parts) ?? "",
  };
}
