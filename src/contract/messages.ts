/**
 * Anthropic's Messages API as clients send it: only what the gateway reads is named, the rest of a block is the provider's
 * business. Answers and events are written in `orchestration/messages`.
 */

import * as z from "zod/mini";

/** One block of content. */
export const MessageBlock = z.looseObject({ type: z.string().check(z.maxLength(64)) });
/** One block of content. */
export type MessageBlock = z.infer<typeof MessageBlock>;

/** One message. */
export const MessageParam = z.looseObject({
  role: z.enum(["user", "assistant", "system"]),
  content: z.union([z.string(), z.array(MessageBlock).check(z.maxLength(10_000))]),
});
/** One message. */
export type MessageParam = z.infer<typeof MessageParam>;

/** A tool the client runs itself, or one of another type that only the provider understands. */
export const MessageTool = z.looseObject({
  type: z.optional(z.nullable(z.string().check(z.maxLength(64)))),
  name: z.optional(z.string().check(z.minLength(1), z.maxLength(128))),
});
/** A tool of the client's. */
export type MessageTool = z.infer<typeof MessageTool>;

/** The body of `POST /v1/messages`. */
export const MessagesRequest = z.looseObject({
  model: z.string().check(z.minLength(1), z.maxLength(128)),
  max_tokens: z.int().check(z.minimum(1)),
  messages: z.array(MessageParam).check(z.minLength(1), z.maxLength(10_000)),
  system: z.optional(z.union([z.string(), z.array(MessageBlock).check(z.maxLength(1024))])),
  stream: z.optional(z.boolean()),
  tools: z.optional(z.array(MessageTool).check(z.maxLength(1024))),
  tool_choice: z.optional(
    z.looseObject({ type: z.string(), disable_parallel_tool_use: z.optional(z.boolean()) }),
  ),
  stop_sequences: z.optional(z.array(z.string()).check(z.maxLength(1024))),
  mcp_servers: z.optional(z.array(z.unknown()).check(z.maxLength(0))),
});
/** A Messages request; fields not named here are kept. */
export type MessagesRequest = z.infer<typeof MessagesRequest>;
