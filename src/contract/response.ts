/**
 * Responses: OpenAI's `POST /v1/responses`. Strict where the gateway reads, loose where it only hands on; what of the
 * content can be carried out is decided in `orchestration/responses`.
 */

import * as z from "zod/mini";

import type { Json, JsonObject } from "../platform/canonical-json.ts";
import type { ChatEvent } from "./chat.ts";
import type { GatewayError } from "./error.ts";
import type { Conversation } from "./gateway-call.ts";

/** Items of one request. */
export const MAX_INPUT_ITEMS = 10_000;

const ShortText = z.string().check(z.maxLength(256));

/** One item of the input; which fields it needs depends on its type. */
export const ResponseItem = z.looseObject({
  /** Absent: a message. */
  type: z.optional(ShortText),
  id: z.optional(z.nullable(ShortText)),
  role: z.optional(z.string().check(z.minLength(1), z.maxLength(32))),
  content: z.optional(
    z.nullable(
      z.union([z.string(), z.array(z.looseObject({ type: ShortText })).check(z.maxLength(1024))]),
    ),
  ),
  call_id: z.optional(ShortText),
  name: z.optional(ShortText),
  arguments: z.optional(z.string()),
  approval_request_id: z.optional(z.nullable(ShortText)),
  approve: z.optional(z.boolean()),
  reason: z.optional(z.nullable(z.string().check(z.maxLength(4096)))),
});
/** One item of the input. */
export type ResponseItem = z.infer<typeof ResponseItem>;

/** Which calls of a toolset have to be approved, beyond those whose tool says so itself. */
const RequireApproval = z.union([
  z.enum(["always", "never"]),
  z.looseObject({
    always: z.optional(z.nullable(z.looseObject({ tool_names: z.optional(z.array(ShortText)) }))),
  }),
]);

/** A tool of the request: the client's own function, or a toolset of the gateway by its label. */
export const ResponseTool = z.looseObject({
  type: ShortText,
  name: z.optional(z.string().check(z.minLength(1), z.maxLength(128))),
  description: z.optional(z.nullable(z.string())),
  parameters: z.optional(z.nullable(z.looseObject({}))),
  strict: z.optional(z.nullable(z.boolean())),
  server_label: z.optional(ShortText),
  server_url: z.optional(z.nullable(z.string().check(z.maxLength(2048)))),
  allowed_tools: z.optional(
    z.nullable(
      z.union([
        z.array(ShortText).check(z.maxLength(1024)),
        z.looseObject({ tool_names: z.optional(z.array(ShortText).check(z.maxLength(1024))) }),
      ]),
    ),
  ),
  require_approval: z.optional(z.nullable(RequireApproval)),
});
/** A tool of the request. */
export type ResponseTool = z.infer<typeof ResponseTool>;

/** Which tools may or must be called. */
export const ResponseToolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.looseObject({
    type: ShortText,
    name: z.optional(z.nullable(ShortText)),
    server_label: z.optional(ShortText),
    mode: z.optional(z.enum(["auto", "required"])),
    tools: z.optional(
      z
        .array(
          z.looseObject({
            type: ShortText,
            name: z.optional(z.nullable(ShortText)),
            server_label: z.optional(ShortText),
          }),
        )
        .check(z.maxLength(1024)),
    ),
  }),
]);
/** Which tools may or must be called. */
export type ResponseToolChoice = z.infer<typeof ResponseToolChoice>;

/** The body of `POST /v1/responses`: only what the gateway reads is named. */
export const ResponseRequest = z.looseObject({
  model: z.string().check(z.minLength(1), z.maxLength(128)),
  input: z.union([z.string(), z.array(ResponseItem).check(z.maxLength(MAX_INPUT_ITEMS))]),
  instructions: z.optional(z.nullable(z.string())),
  previous_response_id: z.optional(z.nullable(ShortText)),
  tools: z.optional(z.nullable(z.array(ResponseTool).check(z.maxLength(1024)))),
  tool_choice: z.optional(z.nullable(ResponseToolChoice)),
  parallel_tool_calls: z.optional(z.nullable(z.boolean())),
  max_tool_calls: z.optional(z.nullable(z.int().check(z.gte(1)))),
  max_output_tokens: z.optional(z.nullable(z.int().check(z.gte(1)))),
  text: z.optional(z.nullable(z.looseObject({ format: z.optional(z.looseObject({})) }))),
  reasoning: z.optional(z.nullable(z.looseObject({ effort: z.optional(z.nullable(ShortText)) }))),
  top_logprobs: z.optional(z.nullable(z.int())),
  metadata: z.optional(z.nullable(z.record(ShortText, z.string().check(z.maxLength(512))))),
  store: z.optional(z.nullable(z.boolean())),
  background: z.optional(z.nullable(z.boolean())),
  stream: z.optional(z.nullable(z.boolean())),
  include: z.optional(z.nullable(z.array(ShortText).check(z.maxLength(64)))),
  truncation: z.optional(z.nullable(z.enum(["auto", "disabled"]))),
});
/** A responses request; fields not named here are kept. */
export type ResponseRequest = z.infer<typeof ResponseRequest>;

/** How far a response is. */
export type ResponseStatus =
  | "queued"
  | "in_progress"
  | "completed"
  | "incomplete"
  | "failed"
  | "cancelled";

/** A response as OpenAI's clients read it; its error becomes text at the edge. */
export interface ResponseObject {
  readonly id: string;
  readonly object: "response";
  readonly status: ResponseStatus;
  readonly output: readonly JsonObject[];
  readonly error: GatewayError | null;
  readonly [field: string]: Json | GatewayError | undefined;
}

/** One event of a response's stream, numbered. Those that speak of the whole response carry it. */
export interface ResponseEvent {
  readonly type: `response.${string}` | `gw:${string}`;
  readonly sequence_number: number;
  readonly response?: ResponseObject;
  readonly [field: string]: Json | ResponseObject | undefined;
}

/** A toolset as `mcp_list_tools` shows it; each tool has its name, description and input schema. */
export interface ListedToolset {
  readonly label: string;
  readonly tools: readonly (JsonObject & { readonly name: string })[];
}

/** A response's run has been accepted: everything its stream is made with besides what the run says. */
export interface ResponseBegun {
  readonly type: "response_begun";
  /** The response without output. */
  readonly skeleton: ResponseObject;
  readonly toolsets: readonly ListedToolset[];
  /** It goes on without its client, so its stream begins at once. */
  readonly isQueued: boolean;
}

/** The end of a response's run. */
export interface ResponseFinished extends Omit<
  Extract<ChatEvent, { type: "finished" }>,
  "conversation"
> {
  /** Seconds since the epoch. */
  readonly completedAtS: number;
  /** The response can be read again and gone on from. */
  readonly isKept: boolean;
}

/**
 * What the run of a response says, in order: `response_begun`, then what a chat run says, then `finished` or `failed`.
 * `failed` alone, or before `started`, is a request that could not be carried out.
 */
export type ResponseRunEvent =
  | ResponseBegun
  | Exclude<ChatEvent, { type: "finished" }>
  | ResponseFinished;

/** A response as it is kept, with what a later one needs to go on from it. */
export interface StoredResponse {
  readonly response: ResponseObject;
  /** Null as long as the response is not done, or when it failed. */
  readonly conversation: Conversation | null;
}
