/** A run as the Server-Sent Events of one Anthropic message. */

import type { ChatEvent } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import { MessageBlocks } from "../orchestration/messages/message-blocks.ts";
import type { JsonObject } from "../platform/canonical-json.ts";
import { anthropicError } from "./anthropic-error.ts";

/** Says that the stream is alive; clients pass over it. */
export const PING = sse("ping", { type: "ping" });

/** Writes the events of one run; the first must be `started`. */
export function createMessageEncoder(): (event: ChatEvent) => string {
  const blocks = new MessageBlocks();
  return (event) => {
    if (event.type === "failed") return messageError(event.error, event.run);
    const written = event.type === "finished" ? blocks.end(event) : blocks.take(event);
    return written.map((one) => sse(one.type, one)).join("");
  };
}

/** The end of a stream that broke, with the run's id. */
export function messageError(error: GatewayError, run: string): string {
  return sse("error", { ...anthropicError(error), x_gw: { run } });
}

function sse(type: string, data: JsonObject): string {
  return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}
