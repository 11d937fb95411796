/**
 * BFCL's gold calls (parallel and parallel_multiple), read from `../shared/data`: the functions of each question as tools
 * and the first accepted value of each argument. Some gold calls break their own schema; which, and where, is worked out
 * here by an obvious checker that knows only what these schemas use, apart from the gateway's.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import {
  isObject,
  listOf,
  objectOf,
  parseObject,
  textOf,
  type UnknownObject,
} from "../../dev/http/json.ts";
import type { ValueTool } from "./value-tools.ts";

const DATA = join(import.meta.dirname, "../../../shared/data/bfcl");

/** The parts of the data set. */
export const BFCL_PARTS = ["parallel", "parallel_multiple"] as const;

/** One call with what is wrong with it, as pointers into its arguments. */
export interface BfclCall {
  readonly tool: string;
  readonly arguments: UnknownObject;
  readonly mistakes: readonly string[];
}

/** One part: the tools of all its questions, under names of their own, and the calls of each. */
export interface BfclPart {
  readonly tools: readonly ValueTool[];
  readonly questions: readonly { readonly id: string; readonly calls: readonly BfclCall[] }[];
}

/** A part of the data set, or null where the data is not there. */
export function readBfcl(part: (typeof BFCL_PARTS)[number]): BfclPart | null {
  if (!existsSync(join(DATA, `${part}.jsonl`))) return null;
  const answers = readLines(`${part}.answers.jsonl`);
  const tools: ValueTool[] = [];
  const questions = readLines(`${part}.jsonl`).map((question, index) => {
    const own = listOf(question, "function")
      .filter(isObject)
      .map((described) => readTool(described, index));
    tools.push(...own);
    const answer = answers.find((one) => one["id"] === question["id"]) ?? {};
    const calls = listOf(answer, "ground_truth")
      .filter(isObject)
      .flatMap((truth) => Object.entries(truth))
      .map(([name, accepted]): BfclCall => {
        const tool = own.find((each) => each.name === toolName(name, index));
        const values = firstAccepted(isObject(accepted) ? accepted : {});
        const mistakes = tool === undefined ? ["/tool"] : mistakesOf(tool.input, values, "");
        return { tool: toolName(name, index), arguments: values, mistakes };
      });
    return { id: textOf(question, "id") ?? "", calls };
  });
  return { tools, questions };
}

function readLines(file: string): readonly UnknownObject[] {
  return readFileSync(join(DATA, file), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map(parseObject);
}

/** Two questions may have functions of one name and different schemas. */
function toolName(name: string, question: number): string {
  return `q${question}.${name}`;
}

function readTool(described: UnknownObject, question: number): ValueTool {
  return {
    name: toolName(textOf(described, "name") ?? "", question),
    input: readSchema(objectOf(described, "parameters")),
    output: { type: "object", properties: { value: { type: "number" } } },
  };
}

/** BFCL's own words for types; `any` is a type by leaving it out. */
const TYPES: Readonly<Record<string, string>> = { dict: "object", float: "number", tuple: "array" };

function readSchema(schema: UnknownObject): UnknownObject {
  const { type, properties, items, optional: _notAKeyword, ...rest } = schema;
  const named = typeof type === "string" && type !== "any" ? (TYPES[type] ?? type) : null;
  return {
    ...rest,
    ...(named !== null && { type: named }),
    ...(isObject(properties) && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, member]) => [
          name,
          readSchema(isObject(member) ? member : {}),
        ]),
      ),
    }),
    ...(isObject(items) && { items: readSchema(items) }),
  };
}

/** Of each argument's accepted values the first; an empty text says that it may be left out. */
function firstAccepted(accepted: UnknownObject): UnknownObject {
  const chosen = Object.entries(accepted).flatMap(([name, values]) => {
    const [first]: readonly unknown[] = Array.isArray(values) ? values : [];
    if (first === undefined || first === "") return [];
    return [[name, isObject(first) ? firstAccepted(first) : first] as const];
  });
  return Object.fromEntries(chosen);
}

/** The slow, obvious judge: type, enum, required, properties and items, and nothing else. */
function mistakesOf(schema: UnknownObject, value: unknown, at: string): readonly string[] {
  const type = textOf(schema, "type");
  if (type !== null && !isOfType(value, type)) return [at];
  const options = listOf(schema, "enum");
  const own = options.length > 0 && !options.includes(value) ? [at] : [];
  if (Array.isArray(value)) {
    const items = objectOf(schema, "items");
    return [...own, ...value.flatMap((item, index) => mistakesOf(items, item, `${at}/${index}`))];
  }
  if (!isObject(value)) return own;
  const missing = listOf(schema, "required")
    .filter((name) => typeof name === "string" && !(name in value))
    .map((name) => `${at}/${String(name)}`);
  const inside = Object.entries(objectOf(schema, "properties")).flatMap(([name, member]) =>
    name in value ? mistakesOf(isObject(member) ? member : {}, value[name], `${at}/${name}`) : [],
  );
  return [...own, ...missing, ...inside];
}

function isOfType(value: unknown, type: string): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  return type === "object" ? isObject(value) : typeof value === type;
}
