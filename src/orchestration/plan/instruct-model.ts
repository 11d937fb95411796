/**
 * The instruction that tells a model of references: one text, the same bytes in every request, joined to the system
 * message a conversation begins with. It is not a message of its own, because some providers take only one system
 * message and only at the start; and it comes last in it, so that a client's own text stays the prefix it was.
 */

import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import { LABEL_FIELD } from "./widen-schema.ts";

/** What a model is told. Changing a letter of it empties every prompt cache. */
export const REFERENCE_INSTRUCTION = `Tool calls may use each other's results without waiting for them. Give a call whose result another call uses, and no other, the argument "${LABEL_FIELD}", for example "a". In place of any argument of another call, in the same reply or a later one, write {"$ref": "a#/path/to/field"} for that part of its result, "a#" for all of it, or in place of a string {"$tmpl": "text \${a#/path/to/field} text"}. When a later call only needs values copied from earlier results, make all these calls together in one reply. When you must read a result before you can decide, call again after it.`;

/** The roles of messages that instruct. */
const INSTRUCTING = new Set(["system", "developer"]);

/** `messages` with the instruction; the messages themselves are not changed. */
export function instructModel(messages: readonly JsonObject[]): readonly JsonObject[] {
  const [first, ...rest] = messages;
  const role = first?.["role"];
  if (first === undefined || typeof role !== "string" || !INSTRUCTING.has(role))
    return [{ role: "system", content: REFERENCE_INSTRUCTION }, ...messages];
  return [{ ...first, content: joined(first["content"]) }, ...rest];
}

function joined(content: Json | undefined): Json {
  if (typeof content === "string") return `${content}\n\n${REFERENCE_INSTRUCTION}`;
  const part: Json = { type: "text", text: REFERENCE_INSTRUCTION };
  const isList = content !== undefined && content !== null && !isJsonObject(content);
  return isList && typeof content === "object" && isJsonArray(content)
    ? [...content, part]
    : REFERENCE_INSTRUCTION;
}
