/**
 * Tools written in code: a description for the model, a schema of the arguments, what a call may do to the world, and a
 * function that does it, or an HTTP request template. Everything wrong with a definition is named at once, when it is made.
 */

import type { Violation } from "../contract/error.ts";
import { parse } from "../contract/parse.ts";
import { type BuiltinTool, type Effect, type HttpTool, ToolDefinition } from "../contract/tool.ts";
import { ToolName } from "../contract/names.ts";
import type { JsonObject } from "../platform/canonical-json.ts";
import { checkInterface, checkTool } from "../tools/check-tool.ts";
import { isStandardSchema, jsonSchemaOf, type StandardSchema } from "./tool-input.ts";

/** What a handler is told about its call. */
export interface HandlerContext {
  /** The call's id in its run. */
  readonly callId: string;
  /** Aborts when nobody waits for the answer any more: the run was left, its deadline or the call's time is over. */
  readonly signal: AbortSignal;
  /** Of a tool with the effect `idempotent_write`: the same whenever this very call is sent. */
  readonly idempotencyKey?: string;
}

/**
 * Does what the tool is for. What it returns goes out as JSON; `undefined` is null. A `ToolFailure` tells the caller and
 * the model why it failed; any other exception only that it did, and goes to `onFault` of the run.
 */
export type ToolHandler<Input> = (input: Input, context: HandlerContext) => unknown;

/** Why a tool failed, in words for whoever reads the result, the model included. */
export class ToolFailure extends Error {
  override readonly name = "ToolFailure";
}

/** A definition that cannot be used, with every wrong place of it. */
export class InvalidTool extends Error {
  override readonly name = "InvalidTool";
  readonly violations: readonly Violation[];

  constructor(tool: string, violations: readonly Violation[]) {
    const list = violations.map(({ pointer, message }) => `${pointer || "/"}: ${message}`);
    super(`The tool "${tool}" cannot be used. ${list.join(" ")}`);
    this.violations = violations;
  }
}

/** What every tool says about itself. */
export interface ToolTraits {
  /** At most 64 letters, digits and `_.:-`. */
  readonly name: string;
  /** For the model. */
  readonly description: string;
  /** `write` when absent: then it is sent at most once, and only when it is certain that it is meant. */
  readonly effect?: Effect;
  /** JSON Schema of the result; a result that breaks it fails the call. */
  readonly output?: JsonObject;
  /** Wall time of one call from the moment it starts; 10,000 when absent. */
  readonly timeoutMs?: number;
  /** Calls of it in flight at once in one run. */
  readonly maxParallel?: number;
  /** Calls of it in one run; one beyond it is not made and says so. */
  readonly maxUses?: number;
  /** What `limits.caps.tags` of a run may cap. */
  readonly tags?: readonly string[];
  /** What `limits.caps.groups` of a run may cap. */
  readonly group?: string;
  /** When not all calls can start, those of higher priority start first. */
  readonly priority?: number;
  /** Its calls can be seen by others, so they are never made on a guess. */
  readonly observable?: boolean;
}

/** What a tool does: exactly one of `handler`, `http` and `builtin`. */
interface ToolDoing<Input> extends ToolTraits {
  readonly handler?: ToolHandler<Input>;
  /** A request template; see the documentation of the gateway's tools. Its host has to be public unless `allowLoopback`. */
  readonly http?: HttpTool;
  readonly builtin?: BuiltinTool;
  /** Lets `http` go to this machine; for development and tests. */
  readonly allowLoopback?: boolean;
}

/** A tool whose arguments are described by JSON Schema of type `object`. */
export interface ToolOptions extends ToolDoing<JsonObject> {
  readonly input: JsonObject;
}

/** A tool whose arguments are described by a schema that checks them itself; the handler gets what that returned. */
export interface TypedToolOptions<Output> extends ToolDoing<Output> {
  readonly input: StandardSchema<Output>;
}

/** A tool ready for a run. Made by `defineTool` and `defineChain`. */
export interface DefinedTool {
  readonly name: string;
  readonly definition: ToolDefinition;
  /** Null when the definition says how it is done. */
  readonly handle: ((values: JsonObject, context: HandlerContext) => Promise<unknown>) | null;
  readonly allowLoopback: boolean;
}

/** Makes a tool. Throws `InvalidTool` when something about it is wrong. */
export function defineTool<Output>(options: TypedToolOptions<Output>): DefinedTool;
/** The same for a plain JSON Schema. */
export function defineTool(options: ToolOptions): DefinedTool;
/** Both. */
export function defineTool<Output>(options: ToolOptions | TypedToolOptions<Output>): DefinedTool {
  const { name, input, handler, http, builtin, allowLoopback = false } = options;
  const definition = readDefinition(options, { input: jsonSchemaOf(input), http, builtin });
  const kinds = [handler, http, builtin].filter((kind) => kind !== undefined);
  if (kinds.length !== 1)
    throw new InvalidTool(name, [
      { pointer: "", message: "Exactly one of handler, http and builtin is needed." },
    ]);
  const violations =
    handler === undefined
      ? checkTool(name, definition, { allowLoopback })
      : checkInterface(name, definition);
  if (violations.length > 0) throw new InvalidTool(name, violations);
  const handle = isTyped(options) ? typedHandler(options) : plainHandler(options);
  return { name, definition, handle, allowLoopback };
}

/** The definition as the gateway would store it. `does` are the fields that say what it takes and does. */
export function readDefinition(
  traits: ToolTraits,
  does: Readonly<Record<string, unknown>>,
): ToolDefinition {
  const { name, description, effect, output, timeoutMs, maxParallel, maxUses, tags, group } =
    traits;
  const { priority, observable } = traits;
  const named = parse(ToolName, name);
  const written = {
    description,
    effect,
    output,
    timeout_ms: timeoutMs,
    max_parallel: maxParallel,
    max_uses: maxUses,
    tags,
    rate_limit_group: group,
    priority,
    observable,
    ...does,
  };
  const given = Object.entries(written).filter(([, value]) => value !== undefined);
  const read = parse(ToolDefinition, Object.fromEntries(given));
  const violations = [
    ...(named.ok ? [] : named.error.violations.map((each) => ({ ...each, pointer: "/name" }))),
    ...(read.ok ? [] : read.error.violations),
  ];
  if (!read.ok || violations.length > 0) throw new InvalidTool(name, violations);
  return read.value;
}

function isTyped<Output>(
  options: ToolOptions | TypedToolOptions<Output>,
): options is TypedToolOptions<Output> {
  return isStandardSchema(options.input);
}

function plainHandler({ handler }: ToolOptions): DefinedTool["handle"] {
  return handler === undefined ? null : async (values, context) => handler(values, context);
}

/** Runs the schema's own check before the handler. */
function typedHandler<Output>({ input, handler }: TypedToolOptions<Output>): DefinedTool["handle"] {
  if (handler === undefined) return null;
  return async (values, context) => {
    const checked = await input["~standard"].validate(values);
    if (checked.issues === undefined) return handler(checked.value, context);
    const said = checked.issues.map(({ message }) => message).join(" ");
    throw new ToolFailure(`The arguments do not fit. ${said}`);
  };
}
