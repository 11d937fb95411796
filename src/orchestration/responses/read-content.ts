/**
 * Content parts of an input item as the chat form writes them: text, images, files and sound go on, what has no form
 * there is refused by its place.
 */

import type { Violation } from "../../contract/error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";

/** The content of one item. */
export interface ReadContent {
  /** As the chat form has it: one text where there is nothing but text, else a list of parts. */
  readonly content: Json;
  /** All text of it. */
  readonly text: string;
  readonly refusal: string;
}

/** Reads a text or a list of parts. */
export function readContent(
  content: string | readonly unknown[],
  pointer: string,
): Result<ReadContent, readonly Violation[]> {
  if (typeof content === "string") return ok({ content, text: content, refusal: "" });
  const violations: Violation[] = [];
  const parts: JsonObject[] = [];
  let text = "";
  let refusal = "";
  for (const [index, part] of content.entries()) {
    const fields = isJsonObject(part) ? part : {};
    const read = readPart(fields);
    if (typeof read === "string")
      violations.push({ pointer: `${pointer}/${index}`, message: read });
    else parts.push(read);
    if (typeof fields["text"] === "string") text += fields["text"];
    if (fields["type"] === "refusal" && typeof fields["refusal"] === "string")
      refusal += fields["refusal"];
  }
  if (violations.length > 0) return fail(violations);
  const isText = parts.every(({ type }) => type === "text");
  return ok({ content: isText ? text : parts, text, refusal });
}

/** A part of the chat form, or why there is none. */
function readPart(part: JsonObject): JsonObject | string {
  const type = typeof part["type"] === "string" ? part["type"] : "none";
  switch (type) {
    case "input_text":
    case "output_text":
    case "text":
      return { type: "text", text: typeof part["text"] === "string" ? part["text"] : "" };
    case "refusal":
      return { type: "text", text: "" };
    case "input_image":
      return imagePart(part);
    case "input_file":
      return filePart(part);
    case "input_audio":
      return { type: "input_audio", input_audio: part["input_audio"] ?? null };
    default:
      return `The gateway cannot hand on a part of type ${JSON.stringify(type)}.`;
  }
}

function imagePart({ image_url: url, detail }: JsonObject): JsonObject | string {
  if (typeof url !== "string") return "An image must be given by image_url.";
  return {
    type: "image_url",
    image_url: { url, ...(typeof detail === "string" && { detail }) },
  };
}

function filePart({ file_id, file_data, filename }: JsonObject): JsonObject | string {
  if (typeof file_id === "string") return { type: "file", file: { file_id } };
  if (typeof file_data !== "string") return "A file must be given by file_data or file_id.";
  return { type: "file", file: { file_data, ...(typeof filename === "string" && { filename }) } };
}
