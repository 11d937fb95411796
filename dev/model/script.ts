/**
 * Scripts: a user message with a line `#script {"turns": [...]}` fixes every answer of the model exactly. The turn to
 * play is the number of assistant messages after that user message; past the last turn the model says "done".
 *
 * A turn: `text`, `reasoning`, `program` (Responses only: code that makes the calls), `calls: [{name, arguments (object, or text sent as it is), id?, label?}]`, `delay_ms`, `gap_ms`,
 * `finish`, and faults: `status` (with `code`, `message`, `retry_after_s`), `cut_after`, `hang_after` (chunks written
 * before it happens), `garbage: true`. `{{results}}` in a text becomes a JSON list of the tool results so far,
 * `{{handle}}` in arguments the handle of the newest result that was cut.
 * A `label` goes into the arguments, where other calls' `{"$ref": "label#/…"}` find it.
 */

import {
  isObject,
  listOf,
  numberOf,
  objectOf,
  parseJson,
  textOf,
  type UnknownObject,
} from "../http/json.ts";
import { toolResults, type ModelMessage, type ModelRequest } from "./request.ts";
import { EMPTY_TURN, callId, type Turn, type TurnCall, type TurnFault } from "./turn.ts";

const MARK = "#script ";

/** The scripted answer to a request, or null when no message holds a script. A script that is not JSON says so. */
export function playScript(request: ModelRequest): Turn | null {
  const at = request.messages.findLastIndex(
    (message) => message.role === "user" && scriptLine(message) !== null,
  );
  const message = request.messages[at];
  const line = message === undefined ? null : scriptLine(message);
  if (line === null) return null;
  const script = parseJson(line);
  if (!isObject(script)) return { ...EMPTY_TURN, text: "the script is not a JSON object" };
  const later = request.messages.slice(at + 1);
  const index = later.filter((one) => one.role === "assistant").length;
  const turn = listOf(script, "turns")[index];
  if (!isObject(turn)) return { ...EMPTY_TURN, text: "done" };
  return readTurn(turn, request, `${line} ${index}`);
}

function scriptLine(message: ModelMessage): string | null {
  const line = message.text.split("\n").find((one) => one.startsWith(MARK));
  return line === undefined ? null : line.slice(MARK.length);
}

function readTurn(turn: UnknownObject, request: ModelRequest, conversation: string): Turn {
  const results = JSON.stringify(toolResults(request.messages).map((result) => result.text));
  const [handle = ""] = /res_[0-9A-Za-z]{22}(?!.*res_)/s.exec(results) ?? [];
  return {
    reasoning: textOf(turn, "reasoning") ?? "",
    text: (textOf(turn, "text") ?? "").replaceAll("{{results}}", () => results),
    program: textOf(turn, "program") ?? "",
    calls: listOf(turn, "calls")
      .filter(isObject)
      .map((call, index) => readCall(call, conversation, index))
      .map((call) => ({ ...call, arguments: call.arguments.replaceAll("{{handle}}", handle) })),
    delayMs: numberOf(turn, "delay_ms") ?? 0,
    gapMs: numberOf(turn, "gap_ms") ?? 0,
    finish: textOf(turn, "finish"),
    fault: readFault(turn),
  };
}

function readCall(call: UnknownObject, conversation: string, index: number): TurnCall {
  const label = textOf(call, "label");
  const written = call["arguments"] ?? {};
  const given = label === null ? written : { ...objectOf(call, "arguments"), gw_label: label };
  return {
    id: textOf(call, "id") ?? callId(conversation, index),
    name: textOf(call, "name") ?? "",
    arguments: typeof given === "string" ? given : JSON.stringify(given),
  };
}

function readFault(turn: UnknownObject): TurnFault | null {
  const status = numberOf(turn, "status");
  if (status !== null && status !== 200) {
    return {
      kind: "status",
      status,
      code: textOf(turn, "code") ?? "scripted_fault",
      message: textOf(turn, "message") ?? "a scripted fault",
      retryAfterS: numberOf(turn, "retry_after_s"),
    };
  }
  const cut = numberOf(turn, "cut_after");
  if (cut !== null) return { kind: "cut", after: cut };
  const hang = numberOf(turn, "hang_after");
  if (hang !== null) return { kind: "hang", after: hang };
  return turn["garbage"] === true ? { kind: "garbage" } : null;
}
