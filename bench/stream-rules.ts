/** What a client may see of a streamed chat completion, checked on the bytes it received. */

/** What the stream must say. */
export interface ExpectedStream {
  readonly text: string;
  /** Calls of the client's own tool at the end. */
  readonly clientCalls: number;
  readonly clientTool: string;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function objectsOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** Data of an event stream, comments left out. */
function dataOf(text: string): string[] {
  return text
    .split("\n\n")
    .flatMap((event) => event.split("\n"))
    .filter((line) => line.startsWith("data: "))
    .map((line) => line.slice("data: ".length));
}

function callFaults(calls: readonly Record<string, unknown>[], expected: ExpectedStream): string[] {
  const names = calls.flatMap((call) =>
    isObject(call["function"]) && typeof call["function"]["name"] === "string"
      ? [call["function"]["name"]]
      : [],
  );
  const faults = names
    .filter((name) => name !== expected.clientTool)
    .map((name) => `shows the gateway's call of ${name}`);
  if (names.length !== expected.clientCalls)
    faults.push(`shows ${names.length} calls, not ${expected.clientCalls}`);
  const indexes = [...new Set(calls.map((call) => call["index"]))];
  if (indexes.some((index, position) => index !== position))
    faults.push(`numbers its calls ${indexes.join(",")}`);
  return faults;
}

/** Sentences on everything a stream shows that it may not, or fails to show. */
export function streamFaults(text: string, expected: ExpectedStream): string[] {
  const data = dataOf(text);
  const faults: string[] = [];
  if (data.filter((line) => line === "[DONE]").length !== 1 || data.at(-1) !== "[DONE]")
    faults.push("does not end with one [DONE]");
  const chunks = data
    .filter((line) => line !== "[DONE]")
    .map((line): unknown => JSON.parse(line))
    .filter(isObject);
  if (chunks.some((chunk) => !Array.isArray(chunk["choices"])))
    faults.push("has a chunk without choices");
  if (chunks.some((chunk) => "error" in chunk)) faults.push("carries an error");
  if (new Set(chunks.map((chunk) => chunk["id"])).size !== 1) faults.push("has more than one id");
  const choices = chunks.flatMap((chunk) => objectsOf(chunk["choices"]));
  const deltas = choices.map((choice) => choice["delta"]).filter(isObject);
  if (deltas.some((delta) => "role" in delta && delta["role"] !== "assistant"))
    faults.push("has a message that is not the assistant's");
  const finishes = choices
    .map((choice) => choice["finish_reason"])
    .filter((reason) => reason !== null && reason !== undefined)
    .map((reason) => JSON.stringify(reason));
  const wanted = expected.clientCalls > 0 ? "tool_calls" : "stop";
  if (finishes.length !== 1 || finishes[0] !== JSON.stringify(wanted))
    faults.push(`finishes with [${finishes.join(",")}], not ${wanted}`);
  const content = deltas
    .map((delta) => (typeof delta["content"] === "string" ? delta["content"] : ""))
    .join("");
  if (content !== expected.text)
    faults.push(`says ${JSON.stringify(content)}, not ${JSON.stringify(expected.text)}`);
  return [
    ...faults,
    ...callFaults(
      deltas.flatMap((delta) => objectsOf(delta["tool_calls"])),
      expected,
    ),
  ];
}
