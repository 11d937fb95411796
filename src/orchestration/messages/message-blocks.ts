/**
 * A run as the events of one Anthropic message: thinking, text, the client's calls as `tool_use`, the gateway's as
 * `mcp_tool_use` with their `mcp_tool_result`.
 *
 * The protocol has one open block at a time, models may speak of several: what belongs to a later block waits until the
 * one before it is whole. A call is whole when its arguments are, so those of the next one stream on.
 */

import type { ChatEvent } from "../../contract/chat.ts";
import type { GatewayCallEvent } from "../../contract/gateway-call.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import { answerUsage, stopReason } from "./message-end.ts";
import { shownReasoning } from "./thinking-blocks.ts";

/** The server name under which the gateway shows its tools. */
const SERVER_NAME = "gateway";

/** One event of the protocol's stream. */
export type MessageEvent = JsonObject & { readonly type: string };

/** Events of a run but those that end it. */
export type RunningEvent = Exclude<ChatEvent, { type: "finished" | "failed" }>;

/** A block that has begun and not ended. */
interface OpenBlock {
  readonly kind: "text" | "thinking" | "call";
  /** Index of the client's call. */
  readonly call: number | null;
  readonly start: JsonObject;
  /** Deltas that wait for the block's turn. */
  readonly waiting: JsonObject[];
  /** The arguments so far, of a call. */
  text: string;
}

/** Writes one message. */
export class MessageBlocks {
  /** Open blocks, the first of which is being streamed. */
  readonly #open: OpenBlock[] = [];
  #index = 0;

  /** The events that `event` adds. */
  take(event: RunningEvent): readonly MessageEvent[] {
    switch (event.type) {
      case "started":
        return [started(event.run, event.model)];
      case "delta":
        return this.#say(event.delta);
      case "client_call":
        return this.#begin("call", event.index, {
          type: "tool_use",
          id: event.id,
          name: event.name,
          input: {},
        });
      case "client_call_arguments":
        return this.#addArguments(event.index, event.delta);
      case "gateway_call":
        return [...this.#closeAll(), ...this.#whole(toolUse(event))];
      case "gateway_call_ended":
        return [...this.#closeAll(), ...this.#whole(toolResult(event))];
      case "meta":
      case "tool":
      case "gateway_call_progress":
      case "approval_request":
        return [];
    }
  }

  /** The last events. */
  end({
    finishReason,
    usage,
    summary,
  }: Extract<ChatEvent, { type: "finished" }>): readonly MessageEvent[] {
    const stop_reason = stopReason(finishReason, summary.stopped_by);
    return [
      ...this.#closeAll(),
      {
        type: "message_delta",
        delta: { stop_reason, stop_sequence: null },
        usage: answerUsage(usage),
        x_gw: { ...summary },
      },
      { type: "message_stop" },
    ];
  }

  #say(delta: JsonObject): readonly MessageEvent[] {
    const { reasoning_content: thinking, content, refusal, reasoning_details: details } = delta;
    return [
      ...(isText(thinking) ? this.#addText("thinking", { type: "thinking_delta", thinking }) : []),
      ...(details !== undefined && isJsonArray(details)
        ? details.flatMap((one) => this.#sign(one))
        : []),
      ...(isText(content) ? this.#addText("text", { type: "text_delta", text: content }) : []),
      ...(isText(refusal) ? this.#addText("text", { type: "text_delta", text: refusal }) : []),
    ];
  }

  #addText(kind: "text" | "thinking", delta: JsonObject): readonly MessageEvent[] {
    const last = this.#open.at(-1);
    if (last?.kind === kind) return this.#extend(last, delta);
    const start: JsonObject =
      kind === "text"
        ? { type: "text", text: "" }
        : { type: "thinking", thinking: "", signature: "" };
    const begun = this.#begin(kind, null, start);
    const opened = this.#open.at(-1);
    return opened === undefined ? begun : [...begun, ...this.#extend(opened, delta)];
  }

  /** A signature ends the thinking it belongs to; reasoning nobody can read is a block of its own. */
  #sign(detail: Json): readonly MessageEvent[] {
    const shown = shownReasoning(detail);
    if ("data" in shown)
      return [...this.#closeAll(), ...this.#whole({ type: "redacted_thinking", data: shown.data })];
    const delta = { type: "signature_delta", signature: shown.signature };
    return [...this.#addText("thinking", delta), ...this.#closeAll()];
  }

  #addArguments(call: number, piece: string): readonly MessageEvent[] {
    const block = this.#open.find((one) => one.call === call);
    if (block === undefined) return [];
    block.text += piece;
    const added = this.#extend(block, { type: "input_json_delta", partial_json: piece });
    return [...added, ...this.#advance()];
  }

  #begin(kind: OpenBlock["kind"], call: number | null, start: JsonObject): readonly MessageEvent[] {
    this.#open.push({ kind, call, start, waiting: [], text: "" });
    return this.#open.length === 1 ? [blockStart(this.#index, start)] : this.#advance();
  }

  #extend(block: OpenBlock, delta: JsonObject): readonly MessageEvent[] {
    if (block === this.#open[0]) return [blockDelta(this.#index, delta)];
    block.waiting.push(delta);
    return [];
  }

  /** Closes blocks that are whole, as long as another waits behind them. */
  #advance(): readonly MessageEvent[] {
    const events: MessageEvent[] = [];
    for (let [first] = this.#open; first !== undefined; [first] = this.#open) {
      if (this.#open.length < 2 || (first.kind === "call" && !isWholeJson(first.text))) break;
      events.push(...this.#close());
    }
    return events;
  }

  #closeAll(): readonly MessageEvent[] {
    const events: MessageEvent[] = [];
    while (this.#open.length > 0) events.push(...this.#close());
    return events;
  }

  /** Ends the streamed block and lets the next one say what it has. */
  #close(): readonly MessageEvent[] {
    this.#open.shift();
    const stopped: MessageEvent = { type: "content_block_stop", index: this.#index };
    this.#index += 1;
    const [next] = this.#open;
    if (next === undefined) return [stopped];
    const said = next.waiting.splice(0).map((delta) => blockDelta(this.#index, delta));
    return [stopped, blockStart(this.#index, next.start), ...said];
  }

  #whole(block: JsonObject): readonly MessageEvent[] {
    const index = this.#index;
    this.#index += 1;
    return [blockStart(index, block), { type: "content_block_stop", index }];
  }
}

function isText(value: Json | undefined): value is string {
  return typeof value === "string" && value !== "";
}

function blockStart(index: number, content_block: JsonObject): MessageEvent {
  return { type: "content_block_start", index, content_block };
}

function blockDelta(index: number, delta: JsonObject): MessageEvent {
  return { type: "content_block_delta", index, delta };
}

function started(run: string, model: string): MessageEvent {
  return {
    type: "message_start",
    message: {
      id: `msg_${run}`,
      type: "message",
      role: "assistant",
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: answerUsage({}),
    },
  };
}

/** The whole call at once: it is shown when it is made, and clients that know no deltas of it see it too. */
function toolUse({
  id,
  name,
  argumentsJson,
}: Extract<GatewayCallEvent, { type: "gateway_call" }>): JsonObject {
  const input = parseObject(argumentsJson);
  return { type: "mcp_tool_use", id, name, server_name: SERVER_NAME, input };
}

function toolResult({
  id,
  status,
  outputJson,
  error,
}: Extract<GatewayCallEvent, { type: "gateway_call_ended" }>): JsonObject {
  const text =
    error === null
      ? plainOutput(outputJson ?? "null")
      : JSON.stringify({ error: { ...error, status } });
  return {
    type: "mcp_tool_result",
    tool_use_id: id,
    is_error: error !== null,
    content: [{ type: "text", text }],
  };
}

/** Output as text: a tool's text as it is, anything else as JSON. */
function plainOutput(outputJson: string): string {
  const value = outputJson.startsWith('"') ? parseJson(outputJson) : null;
  return typeof value === "string" ? value : outputJson;
}

function parseObject(text: string): JsonObject {
  const value = parseJson(text);
  return isJsonObject(value) ? value : {};
}

function isWholeJson(text: string): boolean {
  return text !== "" && parseJson(text) !== undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
