/**
 * The words by which a tool is found: those of its name, its description and its arguments' names and descriptions.
 *
 * Names are split where people join them (`getWeather_v2` is get, weather, v2), letters lose their case and their marks,
 * and an English plural counts as its singular. A word of the name counts three times: it is what the tool is.
 */

import { isJsonObject, type JsonObject } from "../../platform/canonical-json.ts";
import type { OfferedTool } from "../ports.ts";

/** Characters of one tool that are read. */
export const MAX_TEXT = 8_192;

const NAME_WEIGHT = 3;

/** The words of one tool, repeated by their weight. */
export function toolWords({ name, description, input }: OfferedTool): readonly string[] {
  const named = Array.from({ length: NAME_WEIGHT }, () => wordsOf(name)).flat();
  return [...named, ...wordsOf(`${description} ${argumentText(input)}`.slice(0, MAX_TEXT))];
}

/** The words of a text, in their order. */
export function wordsOf(text: string): readonly string[] {
  const split = text.replaceAll(/(\p{Ll}|\d)(\p{Lu})/gu, "$1 $2");
  const plain = split.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();
  return (plain.match(/[\p{L}\p{N}]+/gu) ?? []).map(singular);
}

/** `cities` is `city`, `users` is `user`; `address` and `bus` stay. */
function singular(word: string): string {
  if (word.length > 4 && word.endsWith("ies")) return `${word.slice(0, -3)}y`;
  return word.length > 3 && /[^su]s$/.test(word) ? word.slice(0, -1) : word;
}

function argumentText({ properties = null }: JsonObject): string {
  if (!isJsonObject(properties)) return "";
  const texts = Object.entries(properties).map(([name, schema]) => {
    const described = isJsonObject(schema) ? schema["description"] : undefined;
    return typeof described === "string" ? `${name} ${described}` : name;
  });
  return texts.join(" ");
}
