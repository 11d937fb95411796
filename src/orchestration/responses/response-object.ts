/** The response itself: what the request chose, and how it ended. */

import type {
  ResponseFinished,
  ResponseObject,
  ResponseRequest,
  ResponseStatus,
} from "../../contract/response.ts";
import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";

/** Request fields a response repeats, with what stands there when they were not sent. */
const ECHOED: Readonly<Record<string, Json>> = {
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  parallel_tool_calls: true,
  previous_response_id: null,
  prompt_cache_key: null,
  reasoning: { effort: null, summary: null },
  safety_identifier: null,
  service_tier: "auto",
  temperature: 1,
  text: { format: { type: "text" } },
  tool_choice: "auto",
  tools: [],
  top_logprobs: 0,
  top_p: 1,
  truncation: "disabled",
  user: null,
  metadata: {},
};

/** The response as it begins. `createdAtS` is in seconds. */
export function responseSkeleton(
  id: string,
  request: ResponseRequest,
  createdAtS: number,
): ResponseObject {
  // The request came in as JSON; its fields are JSON.
  const given: JsonObject = isJsonObject(request) ? request : {};
  const echoed = Object.entries(ECHOED).map(([field, absent]): [string, Json] => [
    field,
    given[field] ?? absent,
  ]);
  return {
    id,
    object: "response",
    created_at: createdAtS,
    status: "in_progress",
    background: request.background === true,
    completed_at: null,
    error: null,
    incomplete_details: null,
    model: request.model,
    output: [],
    store: request.store !== false,
    usage: null,
    ...Object.fromEntries(echoed),
  };
}

/** The response before its end: nothing but its status. */
export function shortResponse(skeleton: ResponseObject, status: ResponseStatus): ResponseObject {
  return { ...skeleton, status };
}

/** The response at its end, by the model or by a limit. */
export function finishedResponse(
  skeleton: ResponseObject,
  output: readonly JsonObject[],
  event: ResponseFinished,
): ResponseObject {
  const reason = incompleteReason(event);
  return {
    ...skeleton,
    status: reason === null ? "completed" : "incomplete",
    completed_at: event.completedAtS,
    incomplete_details: reason === null ? null : { reason },
    output: [...output],
    store: event.isKept,
    usage: responseUsage(event.usage),
    x_gw: { ...event.summary },
  };
}

/** The response of a run that broke; one that was cancelled has no error. */
export function failedResponse(
  skeleton: ResponseObject,
  output: readonly JsonObject[],
  error: NonNullable<ResponseObject["error"]>,
): ResponseObject {
  const isCancelled = error.code === "cancelled";
  return {
    ...skeleton,
    status: isCancelled ? "cancelled" : "failed",
    error: isCancelled ? null : error,
    output: [...output],
  };
}

/** Why the answer is not whole, or null when it is. Limits of the gateway have words of their own. */
function incompleteReason({ finishReason, summary }: ResponseFinished): string | null {
  if (summary.stopped_by === "max_calls") return "max_tool_calls";
  if (summary.stopped_by !== undefined) return summary.stopped_by;
  if (finishReason === "length") return "max_output_tokens";
  return finishReason === "content_filter" ? finishReason : null;
}

/** Usage under the names of Responses; what a provider did not count is zero. */
function responseUsage(usage: JsonObject): JsonObject {
  const input_tokens = count(usage, "prompt_tokens");
  const output_tokens = count(usage, "completion_tokens");
  return {
    input_tokens,
    input_tokens_details: { cached_tokens: count(usage["prompt_tokens_details"], "cached_tokens") },
    output_tokens,
    output_tokens_details: {
      reasoning_tokens: count(usage["completion_tokens_details"], "reasoning_tokens"),
    },
    total_tokens: count(usage, "total_tokens") || input_tokens + output_tokens,
  };
}

function count(holder: Json | undefined, field: string): number {
  const value = isJsonObject(holder) ? holder[field] : undefined;
  return typeof value === "number" ? value : 0;
}
