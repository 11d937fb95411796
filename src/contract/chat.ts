/**
 * Chat completions: OpenAI's request (unknown fields pass through untouched), what a model says, and what the gateway
 * says to the edge. `ModelEvent` comes from `upstream`, `ChatEvent` leaves `orchestration`; only the edge writes OpenAI's
 * wire format for clients.
 */

import type { ChoiceRecord } from "./balance.ts";
import * as z from "zod/mini";

import type { Json, JsonObject } from "../platform/canonical-json.ts";
import type { GatewayError } from "./error.ts";
import type { Conversation, GatewayCallEvent } from "./gateway-call.ts";
import type { CallStatus } from "./run.ts";

/** A tool call inside an assistant message. */
export const MessageToolCall = z.looseObject({
  id: z.string().check(z.maxLength(256)),
  type: z.optional(z.string()),
  function: z.optional(z.looseObject({ name: z.string(), arguments: z.string() })),
});

/** One message; content is the model's business. */
export const ChatMessage = z.looseObject({
  role: z.string().check(z.minLength(1), z.maxLength(32)),
  tool_calls: z.optional(z.nullable(z.array(MessageToolCall).check(z.maxLength(1024)))),
  tool_call_id: z.optional(z.string().check(z.maxLength(256))),
});
/** One message. */
export type ChatMessage = z.infer<typeof ChatMessage>;

/** A tool the client runs itself, or one of another type that only the provider understands. */
export const ClientTool = z.looseObject({
  type: z.string(),
  function: z.optional(z.looseObject({ name: z.string().check(z.minLength(1), z.maxLength(128)) })),
});

/** The body of `POST /v1/chat/completions`: only what the gateway reads is named. */
export const ChatRequest = z.looseObject({
  model: z.string().check(z.minLength(1), z.maxLength(128)),
  messages: z.array(ChatMessage).check(z.minLength(1), z.maxLength(10_000)),
  stream: z.optional(z.nullable(z.boolean())),
  stream_options: z.optional(z.nullable(z.looseObject({ include_usage: z.optional(z.boolean()) }))),
  tools: z.optional(z.nullable(z.array(ClientTool).check(z.maxLength(1024)))),
  tool_choice: z.optional(z.nullable(z.union([z.string(), z.looseObject({})]))),
  parallel_tool_calls: z.optional(z.nullable(z.boolean())),
  n: z.optional(z.nullable(z.int())),
});
/** A chat request; fields not named here are kept. */
export type ChatRequest = z.infer<typeof ChatRequest>;

/** One thing a model said. Indexes count the calls of the answer from 0 without gaps, whatever the provider sent. */
export type ModelEvent =
  | {
      readonly type: "delta";
      /** Fields of OpenAI's delta except `tool_calls` and `role`: content, reasoning_content, refusal … never empty. */
      readonly delta: JsonObject;
      readonly logprobs?: Json;
    }
  /** The name is complete. `id` is the provider's, or one made up when it sent none. */
  | {
      readonly type: "call";
      readonly index: number;
      readonly id: string;
      readonly name: string;
      /** What the same provider must see again beside this call in the next turn; nobody else reads it. */
      readonly extra?: JsonObject;
      /** A call of a custom tool: its arguments are free text, not JSON. */
      readonly isCustom?: true;
    }
  | { readonly type: "call_arguments"; readonly index: number; readonly delta: string }
  | { readonly type: "finish"; readonly reason: string }
  /** `saved`: the answer was kept, so nothing was used; it would have been that. */
  | { readonly type: "usage"; readonly usage: JsonObject; readonly saved?: JsonObject }
  /** Top-level fields worth handing on: model, system_fingerprint, service_tier. */
  | { readonly type: "meta"; readonly meta: JsonObject }
  /** Another model answers than was asked for, because that one's upstream failed; comes first. */
  | { readonly type: "degraded"; readonly model: string }
  /** The stream broke; nothing follows. */
  | { readonly type: "failed"; readonly error: GatewayError };

/** Activity of a gateway call, sent to clients that asked with `x-gw-events: tools`. */
export interface ToolActivity {
  readonly type:
    | "tool.started"
    | "tool.result"
    | "tool.error"
    | "tool.cancelled"
    | "tool.cache_hit";
  readonly call_id: string;
  readonly name: string;
  /** Milliseconds since the run began. */
  readonly t_ms: number;
  readonly status?: CallStatus;
  readonly duration_ms?: number;
}

/** Why a run ended before the model was done. */
export type StoppedBy = "max_turns" | "max_calls" | "deadline";

/** The gateway's own account of a chat run: top-level `x_gw`. */
export interface ChatSummary {
  readonly run: string;
  readonly turns: number;
  /** Gateway calls executed. */
  readonly calls: number;
  readonly cache_hits: number;
  /** Model answers that were kept, and what they would have used; absent when there were none. */
  readonly cached_answers?: { readonly count: number; readonly usage: JsonObject };
  /** Turns that another model answered, because the upstream of the one asked for failed, and which; absent when there were none. */
  readonly degraded?: { readonly turns: number; readonly model: string };
  /** Sequential minus real time of the tool calls, milliseconds. */
  readonly saved_ms: number;
  readonly shards: number;
  /** Calls started while the model was still writing; absent when there were none. */
  readonly early_starts?: number;
  /** Of those, the ones that were taken back because the model did not make them after all. */
  readonly early_cancelled?: number;
  /** Calls of a program that were started before the provider asked for them; absent when there were none. */
  readonly program?: {
    readonly launched: number;
    readonly hits: number;
    readonly wasted: number;
    readonly saved_ms: number;
  };
  /** Calls started on a guess; absent when there were none. `saved_ms`: how much sooner the hits ended. */
  readonly speculation?: {
    readonly launched: number;
    readonly hits: number;
    readonly wasted: number;
    readonly saved_ms: number;
    /** How often a second predictor was asked, how often it was left before it had answered, and what the answers cost. */
    readonly predictor?: {
      readonly asked: number;
      readonly unanswered: number;
      readonly usage: JsonObject;
    };
  };
  readonly stopped_by?: StoppedBy;
  /** Only for `x-gw-debug: 1`: where the request went, and whether the model was offered references and why. */
  readonly debug?: {
    readonly upstream: string;
    readonly target: string;
    readonly region: string;
    readonly references: { readonly mode: string; readonly reason: string };
    /** Why that target, where there are several: the last choice of the run. */
    readonly choice?: ChoiceRecord;
  };
}

/** What a chat run says to the edge, in order: `started`, then any of the middle ones, then `finished` or `failed`. */
export type ChatEvent =
  /** The first model turn has answered with headers: from here on the answer is a stream. */
  | { readonly type: "started"; readonly run: string; readonly model: string }
  | { readonly type: "meta"; readonly meta: JsonObject }
  | { readonly type: "delta"; readonly delta: JsonObject; readonly logprobs?: Json }
  | {
      readonly type: "client_call";
      readonly index: number;
      readonly id: string;
      readonly name: string;
      /** A call of a custom tool: its arguments are free text. */
      readonly isCustom?: true;
    }
  | { readonly type: "client_call_arguments"; readonly index: number; readonly delta: string }
  | { readonly type: "tool"; readonly activity: ToolActivity }
  | GatewayCallEvent
  | {
      readonly type: "finished";
      readonly finishReason: string;
      /** Summed over all turns. */
      readonly usage: JsonObject;
      readonly summary: ChatSummary;
      /** Only of a run of items. */
      readonly conversation?: Conversation;
    }
  | { readonly type: "failed"; readonly error: GatewayError; readonly run: string };
