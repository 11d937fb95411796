/**
 * Turns a tool's answer into the JSON text a call reports: parsed once, scrubbed of the call's secrets, checked against
 * the declared `output`. Text that is no JSON becomes a JSON string, no body at all becomes `null`.
 */

import type { CallError } from "../contract/run.ts";
import type { ToolDefinition } from "../contract/tool.ts";
import type { Json } from "../platform/canonical-json.ts";
import { type Result, fail, ok } from "../platform/result.ts";
import { checkOutput } from "./arguments.ts";
import { MAX_JSON_DEPTH, parseBoundedJson } from "./bounded-json.ts";
import { MIN_SECRET_LENGTH, createScrubber } from "./scrub.ts";

/** The result as JSON text, or why it cannot be handed on. */
export function readOutput(
  definition: ToolDefinition,
  answer: { readonly contentType: string; readonly text: string },
  secrets: readonly string[],
): Result<string, CallError> {
  const parsed = parseAnswer(answer);
  if (!parsed.ok) return invalid(`The tool's answer nests deeper than ${MAX_JSON_DEPTH} levels.`);
  const scrubber = createScrubber(secrets);
  const { value: sent, isJson } = parsed.value;
  const value = scrubber.json(sent);
  const [violation] = checkOutput(definition, value);
  if (violation !== undefined) {
    return invalid(
      `The tool's answer breaks its output schema. ${violation.pointer || "/"}: ${violation.message}`,
    );
  }
  // What was JSON and held no secret is handed on as it came, so numbers keep all their digits.
  const untouched = value === sent && isJson;
  const outputJson = untouched ? answer.text : JSON.stringify(value);
  const leaked = secrets.some(
    (secret) => secret.length >= MIN_SECRET_LENGTH && outputJson.includes(secret),
  );
  return leaked ? invalid("The tool's answer holds a secret of the call.") : ok(outputJson);
}

/** True for an answer that calls itself JSON and is none: it was cut off or damaged on its way. */
export function isDamaged({
  contentType,
  text,
}: {
  readonly contentType: string;
  readonly text: string;
}): boolean {
  if (!/[/+]json$/.test(contentType) || text.trim() === "") return false;
  const parsed = parseBoundedJson(text);
  return !parsed.ok && parsed.error !== "too_deep";
}

interface ParsedAnswer {
  readonly value: Json;
  /** False when the text was wrapped as a string. */
  readonly isJson: boolean;
}

function parseAnswer({
  contentType,
  text,
}: {
  readonly contentType: string;
  readonly text: string;
}): Result<ParsedAnswer, "too_deep"> {
  if (text.trim() === "") return ok({ value: null, isJson: false });
  // Servers that say nothing or "text" send JSON too; plain words and numbers of theirs stay text.
  const looksLikeJson =
    contentType === "" || /[/+]json$/.test(contentType) || /^\s*[[{]/.test(text);
  if (!looksLikeJson) return ok({ value: text, isJson: false });
  const parsed = parseBoundedJson(text);
  if (parsed.ok) return ok({ value: parsed.value, isJson: true });
  return parsed.error === "too_deep" ? fail("too_deep") : ok({ value: text, isJson: false });
}

function invalid(message: string) {
  return fail<CallError>({ code: "result_invalid", message });
}
