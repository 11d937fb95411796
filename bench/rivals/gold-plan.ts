/**
 * Gold plans: what a perfect model would call for a prompt, with which arguments, and which call needs which result.
 *
 * Two public data sets, read from `../shared/data` beside the checkout: NESTFUL (plans with references between calls) and BFCL
 * parallel_multiple (independent calls). A plan takes part when all its references and tools resolve; how many
 * do is printed with the figures. Tools accept any arguments, because what is measured is time and not the model.
 */

import { existsSync, readFileSync } from "node:fs";

import { isObject, listOf, objectOf, textOf, type UnknownObject } from "../../dev/http/json.ts";

const DATA = new URL("../../../shared/data/", import.meta.url);

/** A value that stands for the result of an earlier call: `path` leads into it. */
export interface GoldReference {
  readonly label: string;
  readonly path: readonly string[];
}

/** One call of a plan. `references` name the arguments whose values come from earlier calls; the others are in `literals`. */
export interface GoldCall {
  readonly label: string;
  readonly tool: string;
  readonly literals: Readonly<Record<string, unknown>>;
  readonly references: Readonly<Record<string, GoldReference>>;
}

/** A tool as every contestant is shown it. */
export interface GoldTool {
  readonly name: string;
  readonly description: string;
  readonly input: UnknownObject;
  /** Names of the members of its result. */
  readonly outputs: readonly string[];
}

/** One prompt with its tools and its plan, in an order in which it can be executed. */
export interface GoldPlan {
  readonly id: string;
  readonly prompt: string;
  readonly tools: readonly GoldTool[];
  readonly calls: readonly GoldCall[];
}

/** True when the data sets are there. */
export function hasGoldData(): boolean {
  return existsSync(new URL("nestful/executable-data.json", DATA));
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, DATA), "utf8")) as unknown;
}

function readLines(file: string): readonly UnknownObject[] {
  const lines = readFileSync(new URL(file, DATA), "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => asObject(JSON.parse(line)));
}

function asObject(value: unknown): UnknownObject {
  return isObject(value) ? value : {};
}

/** Characters that every provider and every framework leaves as they are in a tool's name. */
function wireName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_]/g, "_").slice(0, 60);
}

function openSchema(properties: UnknownObject): UnknownObject {
  const described = Object.entries(properties).map(([name, property]) => [
    name,
    { description: textOf(asObject(property), "description") ?? name },
  ]);
  return { type: "object", properties: Object.fromEntries(described) };
}

const NESTFUL_PARTS = ["executable", "non-executable-glaive", "non-executable-sgd"] as const;

/** The NESTFUL plans whose tools and references all resolve, and how many there are in all. */
export function nestfulPlans(): { readonly plans: readonly GoldPlan[]; readonly total: number } {
  const plans: GoldPlan[] = [];
  let total = 0;
  for (const part of NESTFUL_PARTS) {
    const tools = nestfulTools(part);
    const cases = readJson(`nestful/${part}-data.json`);
    for (const [index, entry] of (Array.isArray(cases) ? cases : []).entries()) {
      total += 1;
      const plan = nestfulPlan(`nestful-${part}-${index}`, asObject(entry), tools);
      if (plan !== null) plans.push(plan);
    }
  }
  return { plans, total };
}

function nestfulTools(part: string): ReadonlyMap<string, GoldTool> {
  const specs = readJson(`nestful/${part}-spec.json`);
  const tools = (Array.isArray(specs) ? specs : []).map((value): [string, GoldTool] => {
    const spec = asObject(value);
    const name = textOf(spec, "name") ?? "";
    const properties = spec["query_parameters"] ?? spec["arguments"];
    return [
      name,
      {
        name: wireName(name),
        description: textOf(spec, "description") ?? name,
        input: openSchema(asObject(properties)),
        outputs: Object.keys(objectOf(spec, "output_parameters")),
      },
    ];
  });
  return new Map(tools);
}

function nestfulPlan(
  id: string,
  entry: UnknownObject,
  tools: ReadonlyMap<string, GoldTool>,
): GoldPlan | null {
  const calls: GoldCall[] = [];
  const byLabel = new Map<string, GoldTool>();
  for (const value of listOf(entry, "output")) {
    const call = asObject(value);
    const name = textOf(call, "name") ?? "";
    if (name === "var_result") continue;
    const tool = tools.get(name);
    const label = textOf(call, "label");
    if (tool === undefined || label === null || byLabel.has(label)) return null;
    const literals: Record<string, unknown> = {};
    const references: Record<string, GoldReference> = {};
    for (const [argument, given] of Object.entries(objectOf(call, "arguments"))) {
      const reference = readReference(given);
      if (reference === "embedded") return null;
      if (reference === null) literals[argument] = given;
      else if (producesPath(byLabel.get(reference.label), reference))
        references[argument] = reference;
      else return null;
    }
    byLabel.set(label, tool);
    calls.push({ label, tool: tool.name, literals, references });
  }
  const prompt = textOf(entry, "input") ?? "";
  return { id, prompt, tools: [...new Set(byLabel.values())], calls };
}

/** `$var1.key$` as a whole value; anything else with such a name inside is not what a reference can express. */
function readReference(value: unknown): GoldReference | "embedded" | null {
  if (typeof value !== "string") return null;
  const [, label, path] = /^\$(var\d+)(?:\.([\w.]+))?\$$/.exec(value) ?? [];
  if (label !== undefined) return { label, path: path?.split(".") ?? [] };
  return /\$var\d+/.test(value) ? "embedded" : null;
}

/** The tools answer with flat members, so a path is one name that the producer declares. */
function producesPath(producer: GoldTool | undefined, { path }: GoldReference): boolean {
  const [first, ...more] = path;
  if (producer === undefined || more.length > 0) return false;
  return first === undefined || producer.outputs.includes(first);
}

/** The BFCL parallel_multiple plans: every call independent of the others. */
export function bfclPlans(): { readonly plans: readonly GoldPlan[]; readonly total: number } {
  const answers = new Map(
    readLines("bfcl/parallel_multiple.answers.jsonl").map((line) => [textOf(line, "id"), line]),
  );
  const questions = readLines("bfcl/parallel_multiple.jsonl");
  const plans = questions.map((question): GoldPlan => {
    const id = textOf(question, "id") ?? "";
    const tools = listOf(question, "function").map((value): GoldTool => {
      const described = asObject(value);
      const name = textOf(described, "name") ?? "";
      return {
        name: wireName(`${id.replace("parallel_multiple_", "b")}_${name}`),
        description: textOf(described, "description") ?? name,
        input: openSchema(objectOf(objectOf(described, "parameters"), "properties")),
        outputs: ["value"],
      };
    });
    const truths = listOf(answers.get(id) ?? {}, "ground_truth").map(asObject);
    const calls = truths.flatMap((truth, index) =>
      Object.entries(truth).map(([name, accepted]): GoldCall => ({
        label: `var${index + 1}`,
        tool: wireName(`${id.replace("parallel_multiple_", "b")}_${name}`),
        literals: firstAccepted(asObject(accepted)),
        references: {},
      })),
    );
    return { id: `bfcl-${id}`, prompt: questionText(question), tools, calls };
  });
  return { plans, total: questions.length };
}

/** The text of the first message of the first turn. */
function questionText(question: UnknownObject): string {
  const [turn] = listOf(question, "question");
  const [message] = Array.isArray(turn) ? turn : [];
  return textOf(asObject(message), "content") ?? "";
}

/** BFCL lists the accepted values of each argument; an empty text says that it may be left out. */
function firstAccepted(accepted: UnknownObject): Record<string, unknown> {
  const chosen = Object.entries(accepted).flatMap(([name, values]) => {
    const [first] = Array.isArray(values) ? values : [];
    return first === undefined || first === "" ? [] : [[name, first] as const];
  });
  return Object.fromEntries(chosen);
}
