/**
 * Turns what an MCP tool answered into the JSON text a call reports: the structured content where there is one, else
 * its texts. What is no text is named, not passed on: a model that asked for words gets no bytes in their place.
 */

import type { CallError } from "../../contract/run.ts";
import type { ToolDefinition } from "../../contract/tool.ts";
import { type Result, fail } from "../../platform/result.ts";
import type { McpAnswer, McpContent } from "../../upstream/mcp/call-tool.ts";
import { MAX_JSON_DEPTH, fitsDepth } from "../bounded-json.ts";
import { readOutput } from "../read-output.ts";
import { createScrubber } from "../scrub.ts";

/** What a tool says of its own failure, in characters: it is meant for the model, which corrects itself by it. */
const MAX_ERROR_TEXT = 2000;

/** The result as JSON text, or why there is none: `tool_error` when the tool itself says that it failed. */
export function readMcpAnswer(
  definition: ToolDefinition,
  answer: McpAnswer,
  secrets: readonly string[],
): Result<string, CallError> {
  if (answer.isError) {
    const said = createScrubber(secrets).text(textOf(answer.content)).slice(0, MAX_ERROR_TEXT);
    const message = said === "" ? "The tool failed and does not say why." : said;
    return fail({ code: "tool_error", message });
  }
  const { structured } = answer;
  if (structured === undefined) {
    return readOutput(definition, { contentType: "", text: textOf(answer.content) }, secrets);
  }
  if (!fitsDepth(structured, MAX_JSON_DEPTH)) {
    const message = `The tool's answer nests deeper than ${MAX_JSON_DEPTH} levels.`;
    return fail({ code: "result_invalid", message });
  }
  const text = JSON.stringify(structured);
  return readOutput(definition, { contentType: "application/json", text }, secrets);
}

function textOf(content: readonly McpContent[]): string {
  return content.map(blockText).join("\n");
}

function blockText(block: McpContent): string {
  switch (block.type) {
    case "text":
      return block.text;
    case "image":
    case "audio":
      return `[${block.type} ${block.mimeType}, ${bytesOf(block.data)} bytes, not shown]`;
    case "resource_link":
      return `[resource ${block.name}: ${block.uri}]`;
    case "resource":
      return "text" in block.resource
        ? block.resource.text
        : `[resource ${block.resource.uri}, ${bytesOf(block.resource.blob)} bytes, not shown]`;
  }
}

/** Bytes behind so much base64. */
function bytesOf(base64: string): number {
  return Math.floor((base64.length * 3) / 4);
}
