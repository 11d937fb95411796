/** What a streamed message must look like, and the message a client puts together from it. Source: Anthropic's streaming page. */

import {
  listOf,
  numberOf,
  objectOf,
  parseJson,
  textOf,
  type UnknownObject,
} from "../../dev/http/json.ts";

/** Sentences on everything that is wrong with the events of one message, and the whole message. */
export function messageFaults(events: readonly UnknownObject[]): {
  readonly faults: readonly string[];
  readonly whole: UnknownObject;
} {
  const said = events.filter(({ type }) => type !== "ping");
  const types = said.map((event) => textOf(event, "type") ?? "");
  const faults: string[] = [];
  if (types[0] !== "message_start") faults.push("does not begin with message_start");
  if (types.at(-1) !== "message_stop") faults.push("does not end with message_stop");
  if (types.at(-2) !== "message_delta") faults.push("has no message_delta before its stop");
  const message = objectOf(said[0] ?? {}, "message");
  if (listOf(message, "content").length > 0) faults.push("begins with content");
  const blocks: UnknownObject[] = [];
  let open: number | null = null;
  let pieces = "";
  for (const event of said) {
    const index = numberOf(event, "index");
    switch (event["type"]) {
      case "content_block_start":
        if (open !== null || index !== blocks.length)
          faults.push(`starts block ${String(index)} out of turn`);
        open = index;
        pieces = "";
        blocks.push(objectOf(event, "content_block"));
        break;
      case "content_block_delta": {
        if (index === null || index !== open)
          faults.push(`writes to block ${String(index)}, which is not open`);
        const delta = objectOf(event, "delta");
        pieces +=
          textOf(delta, "text") ?? textOf(delta, "partial_json") ?? textOf(delta, "thinking") ?? "";
        break;
      }
      case "content_block_stop": {
        if (index !== open) faults.push(`stops block ${String(index)}, which is not open`);
        const block = blocks.pop();
        if (block !== undefined) blocks.push(filled(block, pieces));
        open = null;
        break;
      }
    }
  }
  const delta = objectOf(said.at(-2) ?? {}, "delta");
  return { faults, whole: { ...message, ...delta, content: blocks } };
}

function filled(block: UnknownObject, pieces: string): UnknownObject {
  switch (block["type"]) {
    case "text":
      return { ...block, text: (textOf(block, "text") ?? "") + pieces };
    case "tool_use":
    case "mcp_tool_use":
    case "server_tool_use":
      return { ...block, input: parseJson(pieces === "" ? "{}" : pieces) ?? pieces };
    default:
      return block;
  }
}
