/**
 * NESTFUL's gold plans, read from `../shared/data`, as calls of `POST /v1/runs`, and what has to become of each.
 *
 * A reference there is `$var1.key$`, alone or inside a text; it becomes `{"$ref": "var1#/key"}` or a `$tmpl`. Which plans
 * can be resolved, and what each call must give, is worked out here from the data alone, on the original notation and
 * without any code of the gateway. The pseudo call `var_result`, which only names the answer, is left out.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import {
  isObject,
  listOf,
  objectOf,
  parseJson,
  textOf,
  type UnknownObject,
} from "../../dev/http/json.ts";
import { resultOf, type ValueTool } from "./value-tools.ts";

const DATA = join(import.meta.dirname, "../../../shared/data/nestful");
const REFERENCE = /\$(var\d+)(?:\.([^$]*))?\$/g;

/** The parts of the data set. */
export const NESTFUL_PARTS = ["executable", "non-executable-glaive", "non-executable-sgd"] as const;

/** One call as the data has it. */
interface GoldCall {
  readonly label: string;
  readonly tool: string;
  readonly values: UnknownObject;
}

/** One plan. */
export interface NestfulPlan {
  readonly id: string;
  readonly calls: readonly GoldCall[];
}

/** One part: its tools and its plans. */
export interface NestfulPart {
  readonly tools: readonly ValueTool[];
  readonly plans: readonly NestfulPlan[];
}

/** A part of the data set, or null where the data is not there. */
export function readNestful(part: (typeof NESTFUL_PARTS)[number]): NestfulPart | null {
  if (!existsSync(join(DATA, `${part}-data.json`))) return null;
  return {
    tools: readList(`${part}-spec.json`).map(readTool),
    plans: readList(`${part}-data.json`).map((plan, index) => ({
      id: `${part} ${index}`,
      calls: listOf(plan, "output")
        .filter(isObject)
        .filter((call) => textOf(call, "name") !== "var_result")
        .map((call) => ({
          label: textOf(call, "label") ?? "",
          tool: textOf(call, "name") ?? "",
          values: objectOf(call, "arguments"),
        })),
    })),
  };
}

function readList(file: string): readonly UnknownObject[] {
  const list = parseJson(readFileSync(join(DATA, file), "utf8"));
  return Array.isArray(list) ? list.filter(isObject) : [];
}

/** Arguments are left open: what is put to the test is what a plan refers to, not how well it keeps to the tool. */
function readTool(spec: UnknownObject): ValueTool {
  return {
    name: textOf(spec, "name") ?? "",
    input: { type: "object" },
    output: { ...readShape({ properties: spec["output_parameters"] }), type: "object" },
  };
}

const TYPES: Readonly<Record<string, string>> = { float: "number" };

function readShape(described: UnknownObject): UnknownObject {
  const named = (textOf(described, "type") ?? "string").toLowerCase();
  const members = Object.entries(objectOf(described, "properties"));
  const items = objectOf(described, "items");
  if (members.length > 0) {
    const properties = members.map(([name, member]) => [
      name,
      readShape(isObject(member) ? member : {}),
    ]);
    return {
      type: "object",
      properties: Object.fromEntries(properties),
      additionalProperties: false,
    };
  }
  if (named === "array") return { type: "array", items: readShape(items) };
  const type = TYPES[named] ?? named;
  return ["number", "integer", "boolean", "object"].includes(type) ? { type } : { type: "string" };
}

/** The plan as calls of a run. */
export function callsOf(plan: NestfulPlan): readonly UnknownObject[] {
  return plan.calls.map(({ label, tool, values }) => ({
    id: label,
    tool,
    arguments: convert(values),
  }));
}

function convert(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(convert);
  if (isObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, convert(member)]));
  if (typeof value !== "string") return value;
  const found = [...value.matchAll(REFERENCE)];
  if (found.length === 0) return value;
  const written = (label: string, path = "") =>
    `${label}#${membersOf(path)
      .map((member) => `/${member}`)
      .join("")}`;
  if (found[0]?.[0] === value) return { $ref: written(found[0][1] ?? "", found[0][2]) };
  const text = value.replaceAll(
    REFERENCE,
    (_, label: string, path?: string) => `\${${written(label, path)}}`,
  );
  return { $tmpl: text };
}

/** `a.b[0].c` as its members. */
function membersOf(path: string): readonly string[] {
  return path.split(/[.[\]]/).filter((member) => member !== "");
}

/** Where a plan must be refused, as pointers into the run's body in order; none when it can be executed. */
export function mistakesOf({ calls }: NestfulPlan, tools: readonly ValueTool[]): readonly string[] {
  const outputs = new Map(tools.map(({ name, output }) => [name, output]));
  return calls.flatMap(({ label, tool, values }, index) => {
    const isFirst = calls.findIndex((call) => call.label === label) === index;
    const own = [
      ...(isFirst ? [] : [`/calls/${index}/id`]),
      ...(outputs.has(tool) ? [] : [`/calls/${index}/tool`]),
    ];
    const wrong = Object.entries(values).flatMap(([name, value]) => {
      const found = textsIn(value, `/calls/${index}/arguments/${name}`);
      return found.flatMap(([place, text]) =>
        [...text.matchAll(REFERENCE)].flatMap(([whole, named = "", path = ""]) => {
          const producer = calls.find((call) => call.label === named);
          const isKnown = producer !== undefined && outputs.has(producer.tool);
          const isThere =
            producer !== undefined &&
            (!isKnown || leadsSomewhere(outputs.get(producer.tool) ?? {}, membersOf(path)));
          return isThere ? [] : [`${place}/${whole === text ? "$ref" : "$tmpl"}`];
        }),
      );
    });
    return [...own, ...wrong];
  });
}

function textsIn(value: unknown, place: string): readonly (readonly [string, string])[] {
  if (typeof value === "string") return [[place, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => textsIn(member, `${place}/${key}`));
}

function leadsSomewhere(shape: UnknownObject, members: readonly string[]): boolean {
  const [member, ...rest] = members;
  if (member === undefined) return true;
  const properties = objectOf(shape, "properties");
  const inside = /^\d+$/.test(member) ? shape["items"] : properties[member];
  return isObject(inside) && leadsSomewhere(inside, rest);
}

/** What every call of a plan gives, worked out one call after another on the original notation. */
export function expectedOutputs(
  { calls }: NestfulPlan,
  tools: readonly ValueTool[],
): ReadonlyMap<string, unknown> {
  const results = new Map<string, unknown>();
  const fill = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(fill);
    if (isObject(value))
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, fill(member)]));
    if (typeof value !== "string") return value;
    const look = (label: string, path = "") => follow(results.get(label), membersOf(path));
    const [whole] = value.matchAll(REFERENCE);
    if (whole !== undefined && whole[0] === value) return look(whole[1] ?? "", whole[2]);
    return value.replaceAll(REFERENCE, (_, label: string, path?: string) => {
      const found = look(label, path);
      return typeof found === "string" ? found : JSON.stringify(found);
    });
  };
  for (const { label, tool, values } of calls) {
    const known = tools.find(({ name }) => name === tool);
    const filled = fill(values);
    if (known !== undefined && isObject(filled)) results.set(label, resultOf(known, filled));
  }
  return results;
}

function follow(value: unknown, members: readonly string[]): unknown {
  return members.reduce<unknown>(
    (at, member) =>
      Array.isArray(at) ? at[Number(member)] : isObject(at) ? at[member] : undefined,
    value,
  );
}
