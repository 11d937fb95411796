/**
 * The grammar of references: what in a call's arguments stands for another call's result.
 *
 * - `{"$ref": "<label>#<pointer>"}`, with no other key, is a reference, as any value at any depth: the value at the JSON
 *   pointer in that call's result takes its place. A `$ref` of another form (`#/definitions/x`, a URL) is plain data.
 * - `{"$tmpl": "5 * ${<label>#<pointer>}"}`, with no other key, is a text with results in it: a string goes in as it is,
 *   anything else as JSON. `$${` writes a plain `${`. Nothing else in any string is ever read as a reference.
 * - `{"$literal": <value>}`, with no other key, is that value as it is: the way to send data that looks like a reference.
 *
 * Only what the author of the call wrote is read here, once. Results are data and never come this way.
 */

import { parsePointer } from "../../algorithms/json-pointer.ts";
import type { Violation } from "../../contract/error.ts";
import { CALL_LABEL } from "../../contract/names.ts";
import { pointerMember } from "../../contract/parse.ts";
import type { ArgumentReference, CallableTool, ResultSource } from "../../contract/planned-call.ts";
import { isJsonArray, type Json, type JsonObject } from "../../platform/canonical-json.ts";

/** Places in results that one call may refer to. */
export const MAX_REFERENCES = 64;

/** Longest JSON pointer of a reference, in characters. */
export const MAX_POINTER_LENGTH = 1024;

/** Longest template, in characters. */
export const MAX_TEMPLATE_LENGTH = 16_384;

/** Arguments as their author wrote them, read once. */
export interface ReadArguments {
  /** The arguments with `$literal` and templates without references written out; references still stand in them. */
  readonly values: JsonObject;
  readonly references: readonly ArgumentReference[];
  /** References that are none; pointers into the arguments. */
  readonly violations: readonly Violation[];
  /** Objects that look like a reference and are data: when the tool does not take them, a reference was meant. */
  readonly lookalikes: readonly string[];
}

interface Reading {
  readonly references: ArgumentReference[];
  readonly violations: Violation[];
  readonly lookalikes: string[];
  sources: number;
}

/** Finds every reference. The nesting of `values` must be bounded already. */
export function readReferences(values: JsonObject): ReadArguments {
  const reading: Reading = { references: [], violations: [], lookalikes: [], sources: 0 };
  const read = readMembers(reading, values, "");
  if (reading.sources > MAX_REFERENCES) {
    const message = `One call may refer to at most ${MAX_REFERENCES} places.`;
    reading.violations.push({ pointer: "", message });
  }
  const { references, violations, lookalikes } = reading;
  return { values: read, references, violations, lookalikes };
}

/** Reads the members of an object; the same object comes back when nothing in it had to be written out. */
function readMembers(reading: Reading, values: JsonObject, at: string): JsonObject {
  const members = Object.entries(values).map(([name, member]): [string, Json] => [
    name,
    readValue(reading, member, at + pointerMember(name)),
  ]);
  return members.every(([name, member]) => member === values[name])
    ? values
    : Object.fromEntries(members);
}

function readValue(reading: Reading, value: Json, at: string): Json {
  if (value === null || typeof value !== "object") return value;
  if (isJsonArray(value)) {
    const items = value.map((item, index) => readValue(reading, item, `${at}/${index}`));
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  const special = onlyMember(value);
  if (special === null) return readMembers(reading, value, at);
  const [name, content] = special;
  if (name === "$literal") return content;
  if (typeof content !== "string") return readMembers(reading, value, at);
  if (name === "$ref") return readReference(reading, value, content, at);
  return readTemplate(reading, value, content, at);
}

function onlyMember(value: JsonObject): readonly [string, Json] | null {
  const [first, second] = Object.entries(value);
  if (first === undefined || second !== undefined) return null;
  return ["$ref", "$tmpl", "$literal"].includes(first[0]) ? first : null;
}

function readReference(reading: Reading, value: JsonObject, text: string, at: string): Json {
  const source = parseSource(text);
  if (source === null) {
    reading.lookalikes.push(at);
    return value;
  }
  if ("wrong" in source) {
    reading.violations.push({ pointer: `${at}/$ref`, message: source.wrong });
    return value;
  }
  reading.sources += 1;
  reading.references.push({ kind: "value", at, source });
  return value;
}

function readTemplate(reading: Reading, value: JsonObject, text: string, at: string): Json {
  const parts = parseTemplate(text);
  if ("wrong" in parts) {
    reading.violations.push({ pointer: `${at}/$tmpl`, message: parts.wrong });
    return value;
  }
  const texts = parts.filter((part) => typeof part === "string");
  if (texts.length === parts.length) return texts.join("");
  reading.sources += parts.length - texts.length;
  reading.references.push({ kind: "text", at, parts });
  return value;
}

interface Mistake {
  readonly wrong: string;
}

/** The source a text names, what is wrong with it, or null when it is not of this form at all. */
function parseSource(text: string): ResultSource | Mistake | null {
  const hash = text.indexOf("#");
  const label = text.slice(0, Math.max(0, hash));
  if (!CALL_LABEL.test(label)) return null;
  const pointer = text.slice(hash + 1);
  if (pointer.length > MAX_POINTER_LENGTH)
    return { wrong: `The pointer has more than ${MAX_POINTER_LENGTH} characters.` };
  if (parsePointer(pointer) === null)
    return { wrong: 'What follows "#" must be a JSON pointer: empty, or "/" before each member.' };
  return { label, pointer };
}

function parseTemplate(text: string): readonly (string | ResultSource)[] | Mistake {
  if (text.length > MAX_TEMPLATE_LENGTH)
    return { wrong: `The template has more than ${MAX_TEMPLATE_LENGTH} characters.` };
  const parts: (string | ResultSource)[] = [];
  let plain = "";
  for (let at = 0; at < text.length;) {
    if (text.startsWith("$${", at)) {
      plain += "${";
      at += 3;
    } else if (text.startsWith("${", at)) {
      const end = text.indexOf("}", at);
      if (end === -1) return { wrong: `The "\${" at character ${at + 1} has no "}".` };
      const source = parseSource(text.slice(at + 2, end));
      if (source === null || "wrong" in source) {
        const reason = source === null ? 'Write "${label#/pointer}".' : source.wrong;
        return { wrong: `The "\${" at character ${at + 1} begins no reference. ${reason}` };
      }
      if (plain !== "") parts.push(plain);
      plain = "";
      parts.push(source);
      at = end + 1;
    } else {
      plain += text.charAt(at);
      at += 1;
    }
  }
  if (plain !== "") parts.push(plain);
  return parts;
}

/**
 * What is wrong with arguments as they stand: broken references, and what their tool does not take whatever the results
 * will be. Where a reference is broken nothing is said of its value as well.
 */
export function checkRead(read: ReadArguments, tool: CallableTool | null): readonly Violation[] {
  const { references, violations, lookalikes, values } = read;
  if (tool === null) return violations;
  const broken = violations.map(({ pointer }) => pointer.replace(/\/\$(?:ref|tmpl)$/, ""));
  const misfits = tool.check(values, [...references.map(({ at }) => at), ...broken]);
  return [
    ...violations,
    ...misfits.map(({ pointer, message }) => ({
      pointer,
      message: lookalikes.includes(pointer) ? `${message} ${HOW_TO_REFER}` : message,
    })),
  ];
}

const HOW_TO_REFER = 'A reference is written {"$ref": "label#/pointer"}.';

/** Everything a reference takes values from. */
export function sourcesOf(reference: ArgumentReference): readonly ResultSource[] {
  return reference.kind === "value"
    ? [reference.source]
    : reference.parts.filter((part) => typeof part !== "string");
}

/** Where a reference is written: the pointer of its text in the arguments. */
export function placeOf({ kind, at }: ArgumentReference): string {
  return `${at}/${kind === "value" ? "$ref" : "$tmpl"}`;
}
