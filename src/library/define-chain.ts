/**
 * Chains by a builder: a plan of calls, written in code and offered as one tool. It yields the very plan that
 * `PUT /v1/tools/{name}` takes as `chain`, so what is said of chains in docs/branches-and-chains.md holds here too.
 *
 * The builder runs once, when the chain is defined; what it is handed are places in results to come, not values.
 */

import type { Comparison, Reference } from "../contract/chain.ts";
import type { Json, JsonObject } from "../platform/canonical-json.ts";
import { type DefinedTool, readDefinition, type ToolTraits } from "./define-tool.ts";
import { jsonSchemaOf, type ToolInput } from "./tool-input.ts";

/** A place in what is known inside a chain. Stands for the value in arguments, conditions and templates. */
export type Place = Reference;

/** A step of a chain, to be referred to by later ones. */
export interface Step {
  readonly id: string;
  /** A place in its result, as a JSON pointer; the whole when absent. */
  at(pointer?: string): Place;
}

/** What any step may say. */
export interface StepOptions {
  /** JSON in which a `Place` or a `text` may stand anywhere. */
  readonly arguments?: JsonObject;
  /** Steps to wait for that it does not refer to. */
  readonly after?: readonly Step[];
  /** It is skipped when this is false, `null`, `0`, `""` or an empty list. */
  readonly when?: Place | Comparison;
  /** Attempts of each call; only `pure` and `read` tools are called again. */
  readonly maxAttempts?: number;
  /** Of each call, where it is less than the tool's own. */
  readonly timeoutMs?: number;
  /** `fail` (when absent) ends the chain, `skip` leaves the step out, `default` stands for its result. */
  readonly onFailure?: "fail" | "skip" | { readonly default: Json };
}

/** One call for each item of a list; inside its arguments `item` and `index` are known. */
export interface MapOptions extends StepOptions {
  readonly over: Place;
  /** Items at once; 10 when absent. */
  readonly maxParallel?: number;
  /** A longer list fails the step before its first call. */
  readonly limit?: number;
}

/** One call after the other, each with the result so far as `acc`. */
export interface ReduceOptions extends StepOptions {
  readonly over: Place;
  /** The first `acc`; the first item when absent. */
  readonly initial?: Json;
}

/** The same call again until a comparison holds; `last` is what the round before gave. */
export interface LoopOptions extends StepOptions {
  readonly until: Comparison;
  /** Rounds; 10 when absent. */
  readonly max?: number;
}

type AnyTool = DefinedTool | string;

/** Writes the steps of one chain. Ids are at most 32 letters, digits, `_` and `-`. */
export interface ChainBuilder {
  /** A place in the chain's own arguments. */
  input(pointer?: string): Place;
  /** In a `map` and a `reduce`: a place in the item. */
  item(pointer?: string): Place;
  /** In a `map`, a `reduce` and a `loop`: which one it is, from 0. */
  index(): Place;
  /** In a `reduce`: a place in the result so far. */
  acc(pointer?: string): Place;
  /** In a `loop`: a place in what the round before gave; null in the first. */
  last(pointer?: string): Place;
  call(id: string, tool: AnyTool, options?: StepOptions): Step;
  map(id: string, tool: AnyTool, options: MapOptions): Step;
  reduce(id: string, tool: AnyTool, options: ReduceOptions): Step;
  loop(id: string, tool: AnyTool, options: LoopOptions): Step;
}

/** A chain as it is written. */
export interface ChainOptions extends ToolTraits {
  /** What the chain takes. */
  readonly input: ToolInput;
  /** Writes its steps and returns the place of its result. */
  readonly steps: (chain: ChainBuilder) => Place | Step;
}

/** Makes a chain. Throws `InvalidTool`; what only a run's other tools can tell is told when a run is made. */
export function defineChain(options: ChainOptions): DefinedTool {
  const calls: object[] = [];
  const output = options.steps(builder(calls));
  const chain = { calls, output: "at" in output ? output.at() : output };
  const definition = readDefinition(options, { input: jsonSchemaOf(options.input), chain });
  return { name: options.name, definition, handle: null, allowLoopback: false };
}

/**
 * A text with places in it: text`Museums of ${chain.input("/city")}`. Texts go in as they are, other values as JSON.
 */
export function text(
  words: TemplateStringsArray,
  ...places: readonly Place[]
): { readonly $tmpl: string } {
  const parts = words.map((word, index) => {
    const reference = places[index]?.$ref;
    return reference === undefined ? word : `${word}\${${reference}}`;
  });
  return { $tmpl: parts.join("") };
}

function builder(calls: object[]): ChainBuilder {
  const add = (id: string, step: object): Step => {
    calls.push({ id, ...step });
    return { id, at: (pointer = "") => place(id, pointer) };
  };
  return {
    input: (pointer = "") => place("input", pointer),
    item: (pointer = "") => place("item", pointer),
    index: () => place("index", ""),
    acc: (pointer = "") => place("acc", pointer),
    last: (pointer = "") => place("last", pointer),
    call: (id, tool, options = {}) => add(id, { tool: nameOf(tool), ...common(options) }),
    map: (id, tool, { over, maxParallel, limit, ...options }) =>
      add(id, {
        tool: nameOf(tool),
        map: present({ over, max_parallel: maxParallel, limit }),
        ...common(options),
      }),
    reduce: (id, tool, { over, initial, ...options }) =>
      add(id, { reduce: present({ over, tool: nameOf(tool), initial }), ...common(options) }),
    loop: (id, tool, { until, max, ...options }) =>
      add(id, { tool: nameOf(tool), loop: present({ until, max }), ...common(options) }),
  };
}

function place(label: string, pointer: string): Place {
  return { $ref: `${label}#${pointer}` };
}

function nameOf(tool: AnyTool): string {
  return typeof tool === "string" ? tool : tool.name;
}

function common({ after, when, maxAttempts, timeoutMs, onFailure, ...rest }: StepOptions): object {
  return present({
    arguments: rest.arguments,
    after: after?.map(({ id }) => id),
    when,
    retry: maxAttempts === undefined ? undefined : { max_attempts: maxAttempts },
    timeout_ms: timeoutMs,
    on_failure: onFailure,
  });
}

function present(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
