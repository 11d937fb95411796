/**
 * A response on the wire: OpenAI's stream events, each under its own name, or the response object alone. Errors are data
 * until here, where they become OpenAI's words.
 */

import type { GatewayError } from "../contract/error.ts";
import type { ResponseEvent, ResponseObject, ResponseRunEvent } from "../contract/response.ts";
import { ItemStream } from "../orchestration/responses/item-stream.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { openAIError } from "./openai-error.ts";
import { startingWith } from "./starting-with.ts";

/** The end of every stream. */
const DONE = "data: [DONE]\n\n";

/** True for the events after which a response says nothing more. */
export function isLastResponseEvent({ type }: ResponseEvent): boolean {
  return (
    type === "response.completed" || type === "response.incomplete" || type === "response.failed"
  );
}

/**
 * The events of a response's stream, made of what its run says. Resolves with the first of them, or with the failure of a
 * request that could not be carried out; a run that was stopped before it said anything is `cancelled`.
 */
export async function openResponseStream(
  events: AsyncIterator<ResponseRunEvent>,
): Promise<Result<AsyncIterator<ResponseEvent>, GatewayError>> {
  const iterator = translated(events);
  const first = await iterator.next();
  if (first.done === true) return fail(first.value ?? { code: "cancelled" });
  return ok(startingWith(first.value, iterator));
}

/** Ends with the failure of a run that failed before it said anything. */
async function* translated(
  events: AsyncIterator<ResponseRunEvent>,
): AsyncGenerator<ResponseEvent, GatewayError | null, undefined> {
  let stream: ItemStream | null = null;
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    const event = next.value;
    if (event.type === "response_begun") stream = new ItemStream(event);
    const said = stream?.take(event) ?? [];
    if (event.type === "failed" && said.length === 0) return event.error;
    yield* said;
  }
  return null;
}

/** The response of the last event, or the failure of a run that was stopped before it. */
export async function lastResponse(
  events: AsyncIterator<ResponseEvent>,
): Promise<Result<ResponseObject, GatewayError>> {
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    const { value } = next;
    if (isLastResponseEvent(value) && value.response !== undefined) return ok(value.response);
  }
  return fail({ code: "cancelled" });
}

/** One event as it is written. */
export function responseEventText(event: ResponseEvent): string {
  const { response } = event;
  const shown = response === undefined ? event : { ...event, response: shownResponse(response) };
  const text = `event: ${event.type}\ndata: ${JSON.stringify(shown)}\n\n`;
  return isLastResponseEvent(event) ? text + DONE : text;
}

/** The response with its error in OpenAI's words. */
export function shownResponse(response: ResponseObject): object {
  const { error } = response;
  if (error === null) return response;
  const { code, message } = openAIError(error);
  return { ...response, error: { code, message } };
}

/** The end of a stream that broke. */
export function brokenResponseText(error: GatewayError, run: string): string {
  const { code, message, param } = openAIError(error);
  const event = { type: "error", code, message: `${message} (${run})`, param, sequence_number: 0 };
  return `event: error\ndata: ${JSON.stringify(event)}\n\n${DONE}`;
}
