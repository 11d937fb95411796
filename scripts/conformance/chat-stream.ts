/** Reads a streamed chat completion as OpenAI's own clients do, and says what in it they would stumble over. */

import {
  isObject,
  listOf,
  numberOf,
  objectOf,
  parseJson,
  textOf,
  type UnknownObject,
} from "../../dev/http/json.ts";

/** One call as a client puts it together. */
export interface SaidCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** What an answer says, streamed or not. */
export interface Said {
  readonly text: string;
  readonly reasoning: string;
  readonly refusal: string;
  readonly calls: readonly SaidCall[];
  readonly finish: readonly string[];
  readonly usage: readonly UnknownObject[];
}

/** A stream put together. */
export interface SaidStream extends Said {
  /** Sentences on broken rules of the stream itself. */
  readonly faults: readonly string[];
  readonly errors: readonly UnknownObject[];
  /** Ends with `[DONE]`. */
  readonly isDone: boolean;
}

/** Data of an event stream, in order; comments are left out. */
export function dataOf(text: string): readonly string[] {
  return text.split(/\r?\n\r?\n/).flatMap((event) => {
    const lines = event.split(/\r?\n/).filter((line) => line.startsWith("data:"));
    return lines.length === 0 ? [] : [lines.map((line) => line.slice(5).trimStart()).join("\n")];
  });
}

/** The JSON objects among the data of an event stream. */
export function eventsOf(text: string): readonly UnknownObject[] {
  return dataOf(text)
    .map((data) => parseJson(data))
    .filter(isObject);
}

/** Reads a whole stream. */
export function readChatStream(text: string): SaidStream {
  const data = dataOf(text);
  const chunks = eventsOf(text);
  const errors = chunks.filter((chunk) => isObject(chunk["error"]));
  const choices = chunks.flatMap((chunk) => listOf(chunk, "choices")).filter(isObject);
  const deltas = choices.map((choice) => objectOf(choice, "delta"));
  const join = (field: string) => deltas.map((delta) => textOf(delta, field) ?? "").join("");
  const pieces = deltas.flatMap((delta) => listOf(delta, "tool_calls")).filter(isObject);
  const finish = choices.flatMap((choice) => textOf(choice, "finish_reason") ?? []);
  const faults: string[] = [];
  if (data.some((line) => line !== "[DONE]" && !isObject(parseJson(line))))
    faults.push("has data that is no JSON object");
  if (chunks.some((chunk) => !isObject(chunk["error"]) && !Array.isArray(chunk["choices"])))
    faults.push("has a chunk without a list of choices");
  if (new Set(chunks.flatMap((chunk) => textOf(chunk, "id") ?? [])).size > 1)
    faults.push("has more than one id");
  if (deltas.some((delta) => !["assistant", "", null].includes(textOf(delta, "role"))))
    faults.push("has a message that is not the assistant's");
  if (data.filter((line) => line === "[DONE]").length > 1) faults.push("says [DONE] twice");
  faults.push(...indexFaults(pieces));
  return {
    text: join("content"),
    reasoning: join("reasoning_content"),
    refusal: join("refusal"),
    calls: callsOf(pieces),
    finish,
    usage: chunks.flatMap((chunk) => (isObject(chunk["usage"]) ? [chunk["usage"]] : [])),
    faults,
    errors,
    isDone: data.at(-1) === "[DONE]",
  };
}

function indexFaults(pieces: readonly UnknownObject[]): readonly string[] {
  const indexes = [...new Set(pieces.map((piece) => piece["index"]))];
  const isCounted = indexes.every((index, at) => index === at);
  return isCounted ? [] : [`numbers its calls ${indexes.map(String).join(", ")}`];
}

/** Calls by their index, as clients join them. */
function callsOf(pieces: readonly UnknownObject[]): readonly SaidCall[] {
  const calls = new Map<unknown, { id: string; name: string; arguments: string }>();
  for (const piece of pieces) {
    const described = objectOf(piece, "function");
    const call = calls.get(piece["index"]) ?? { id: "", name: "", arguments: "" };
    calls.set(piece["index"], call);
    call.id ||= textOf(piece, "id") ?? "";
    call.name += textOf(described, "name") ?? "";
    call.arguments += textOf(described, "arguments") ?? "";
  }
  return [...calls.values()];
}

/** Reads an answer that was not streamed. */
export function readChatAnswer(json: UnknownObject): Said {
  const [choice = {}] = listOf(json, "choices").filter(isObject);
  const message = objectOf(choice, "message");
  return {
    text: textOf(message, "content") ?? "",
    reasoning: textOf(message, "reasoning_content") ?? "",
    refusal: textOf(message, "refusal") ?? "",
    calls: listOf(message, "tool_calls")
      .filter(isObject)
      .map((call) => ({
        id: textOf(call, "id") ?? "",
        name: textOf(objectOf(call, "function"), "name") ?? "",
        arguments: textOf(objectOf(call, "function"), "arguments") ?? "",
      })),
    finish: [textOf(choice, "finish_reason") ?? "none"],
    usage:
      numberOf(objectOf(json, "usage"), "total_tokens") === null ? [] : [objectOf(json, "usage")],
  };
}
