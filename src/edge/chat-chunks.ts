/**
 * A chat run as OpenAI's stream: `chat.completion.chunk` events with one id, one role, one finish reason.
 *
 * Order: role · deltas and the client's own calls · the finish reason · one last chunk with empty `choices` that carries
 * `x_gw` and, where asked for, `usage` · `[DONE]`. What is the same in every chunk is written once, as text.
 */

import type { ChatEvent } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import type { Json, JsonObject } from "../platform/canonical-json.ts";
import { openAIError } from "./openai-error.ts";

/** What the client asked for. */
export interface ChunkOptions {
  /** Seconds since the epoch. */
  readonly created: number;
  /** `stream_options.include_usage`. */
  readonly includeUsage: boolean;
  /** `x-gw-events: tools`. */
  readonly includeTools: boolean;
}

/** The end of every stream. */
const DONE = "data: [DONE]\n\n";

/** Writes the events of one run; the first must be `started`. */
export function createChunkEncoder(options: ChunkOptions): (event: ChatEvent) => string {
  let head: JsonObject = {};
  let headText = "";
  const customCalls = new Set<number>();
  const nullUsage = options.includeUsage ? ',"usage":null' : "";

  function setHead(fields: JsonObject): string {
    head = { ...head, ...fields };
    headText = JSON.stringify(head).slice(0, -1);
    return "";
  }
  function chunk(choices: string, rest: string): string {
    return `data: ${headText},"choices":[${choices}]${rest}}\n\n`;
  }
  function delta(text: string, logprobs: Json | undefined): string {
    const tail = logprobs === undefined ? "" : `,"logprobs":${JSON.stringify(logprobs)}`;
    return chunk(`{"index":0,"delta":${text},"finish_reason":null${tail}}`, nullUsage);
  }
  function toolCall(call: JsonObject): string {
    return delta(JSON.stringify({ tool_calls: [call] }), undefined);
  }

  function clientCall(event: Extract<ChatEvent, { type: "client_call" }>): string {
    const { index, id, name, isCustom } = event;
    if (isCustom !== true)
      return toolCall({ index, id, type: "function", function: { name, arguments: "" } });
    customCalls.add(index);
    return toolCall({ index, id, type: "custom", custom: { name, input: "" } });
  }

  return (event) => {
    switch (event.type) {
      case "started":
        setHead(chunkHead(event.run, event.model, options.created));
        return delta('{"role":"assistant"}', undefined);
      case "meta":
        return setHead(clientMeta(event.meta));
      case "delta":
        return delta(JSON.stringify(event.delta), event.logprobs);
      case "client_call":
        return clientCall(event);
      case "client_call_arguments":
        return customCalls.has(event.index)
          ? toolCall({ index: event.index, custom: { input: event.delta } })
          : toolCall({ index: event.index, function: { arguments: event.delta } });
      case "tool":
        return options.includeTools ? chunk("", `,"x_gw":${JSON.stringify(event.activity)}`) : "";
      case "gateway_call":
      case "gateway_call_progress":
      case "gateway_call_ended":
      case "approval_request":
        return "";
      case "finished": {
        const finish = JSON.stringify({ index: 0, delta: {}, finish_reason: event.finishReason });
        const usage = options.includeUsage ? `,"usage":${JSON.stringify(event.usage)}` : "";
        const last = chunk("", `${usage},"x_gw":${JSON.stringify(event.summary)}`);
        return chunk(finish, nullUsage) + last + DONE;
      }
      case "failed":
        break;
    }
    return errorChunk(event.error, event.run);
  };
}

/** The end of a stream that broke: OpenAI's error object with the run's id, and `[DONE]`. */
export function errorChunk(error: GatewayError, run: string): string {
  const { message, ...rest } = openAIError(error);
  const object = { error: { message: `${message} (${run})`, ...rest, run }, x_gw: { run } };
  return `data: ${JSON.stringify(object)}\n\n${DONE}`;
}

/** Top-level fields of a model's answer that are handed on; its own name for the model is the upstream's business. */
export function clientMeta({ system_fingerprint, service_tier }: JsonObject): JsonObject {
  return {
    ...(system_fingerprint !== undefined && { system_fingerprint }),
    ...(service_tier !== undefined && { service_tier }),
  };
}

/** The completion's id, derived from the run's so that either leads to the other. */
export function completionId(run: string): string {
  return `chatcmpl-${run}`;
}

function chunkHead(run: string, model: string, created: number): JsonObject {
  return { id: completionId(run), object: "chat.completion.chunk", created, model };
}
