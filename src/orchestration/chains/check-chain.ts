/**
 * Checks a chain when it is registered: everything that is wrong is named with its pointer, before it can be called.
 *
 * Every step's tool must be registered already, which also makes a circle of chains visible the moment it would close;
 * it is shown. What leaves the zone of trust in a step leaves it in the chain. A reference must name a step, the chain's own arguments, or what its construct knows; steps must not wait
 * for each other in a circle. No step may have a stronger effect than the chain declares, and a write is never retried.
 */

import { dependencyOrder } from "../../algorithms/dependency-order.ts";
import { parsePointer } from "../../algorithms/json-pointer.ts";
import type { Chain, ChainStep } from "../../contract/chain.ts";
import { effectExceeds } from "../../contract/effect-rules.ts";
import type { Violation } from "../../contract/error.ts";
import type { ToolDefinition } from "../../contract/tool.ts";
import { isJsonObject } from "../../platform/canonical-json.ts";
import type { FindTool } from "../plan/plan-call.ts";
import { checkRead, readReferences, sourcesOf } from "../plan/read-references.ts";
import { MAX_CHAIN_DEPTH } from "./chain-calls.ts";
import { needsOf, OWN_LABELS, stepReferences, type PlacedReference } from "./step-needs.ts";

/** The tenant's tools by name, as they are registered now. */
export type RegisteredTools = ReadonlyMap<string, ToolDefinition>;

/** Everything that speaks against storing this chain; empty for a tool that is none. */
export function checkChain(
  name: string,
  definition: ToolDefinition,
  tools: RegisteredTools,
  find: FindTool,
): readonly Violation[] {
  const { chain } = definition;
  if (chain === undefined) return [];
  const withItself = new Map(tools).set(name, definition);
  return [
    ...chain.calls.flatMap((step, index) => [
      ...checkStep(step, `/chain/calls/${index}`, chain),
      ...checkReferences(step, `/chain/calls/${index}`, chain, definition),
      ...checkTool(step, `/chain/calls/${index}`, definition, withItself),
      ...checkArguments(step, `/chain/calls/${index}/arguments`, find),
    ]),
    ...checkOutput(chain, definition),
    ...checkOrder(chain),
    ...checkNesting(name, withItself),
  ];
}

function checkStep(step: ChainStep, pointer: string, chain: Chain): readonly Violation[] {
  const { id, tool, map, reduce, loop } = step;
  const known = new Set(chain.calls.map((each) => each.id));
  const wrong: readonly (readonly [boolean, string, string])[] = [
    [OWN_LABELS.has(id), "/id", "This word has a meaning of its own inside a chain."],
    [chain.calls.find((each) => each.id === id) !== step, "/id", "Another step has the same id."],
    [tool === undefined && reduce === undefined, "/tool", "This field is required."],
    [tool !== undefined && reduce !== undefined, "/tool", "A reduce names its own tool."],
    [
      [map, reduce, loop].filter((construct) => construct !== undefined).length > 1,
      "",
      "At most one of map, reduce and loop.",
    ],
  ];
  const after = (step.after ?? []).flatMap((other, index) =>
    known.has(other)
      ? []
      : [{ pointer: `${pointer}/after/${index}`, message: `There is no step "${other}".` }],
  );
  return [
    ...wrong.flatMap(([isWrong, at, message]) =>
      isWrong ? [{ pointer: pointer + at, message }] : [],
    ),
    ...after,
  ];
}

function checkReferences(
  step: ChainStep,
  pointer: string,
  chain: Chain,
  definition: ToolDefinition,
): readonly Violation[] {
  const { references, violations } = stepReferences(step);
  return [
    ...violations.map(({ pointer: at, message }) => ({ pointer: pointer + at, message })),
    ...references.flatMap((reference) =>
      checkReference(reference, pointer + reference.at, chain, definition),
    ),
  ];
}

/** What is wrong with the arguments whatever the references in them turn out to be. */
function checkArguments(step: ChainStep, pointer: string, find: FindTool): readonly Violation[] {
  const tool = find(step.reduce?.tool ?? step.tool ?? "");
  const read = readReferences(step.arguments);
  if (tool === null || read.violations.length > 0) return [];
  return checkRead(read, tool).map(({ pointer: at, message }) => ({
    pointer: pointer + at,
    message,
  }));
}

function checkOutput(chain: Chain, definition: ToolDefinition): readonly Violation[] {
  const { references, violations } = readReferences({ output: chain.output });
  return [
    ...violations.map(({ pointer, message }) => ({ pointer: `/chain${pointer}`, message })),
    ...references.flatMap(sourcesOf).flatMap(({ label, pointer }) => {
      const reference = { label, pointer, at: "", labels: new Set(["input"]) };
      return checkReference(reference, "/chain/output/$ref", chain, definition);
    }),
  ];
}

function checkReference(
  { label, pointer: into, labels }: PlacedReference,
  pointer: string,
  chain: Chain,
  { input }: ToolDefinition,
): readonly Violation[] {
  const isKnown = labels.has(label) || chain.calls.some(({ id }) => id === label);
  if (!isKnown) return [{ pointer, message: `There is nothing called "${label}" here.` }];
  const properties = input["properties"];
  const [first] = parsePointer(into) ?? [];
  const isUndeclared =
    label === "input" &&
    first !== undefined &&
    isJsonObject(properties) &&
    !Object.hasOwn(properties, first);
  return isUndeclared ? [{ pointer, message: `"${first}" is no property of input.` }] : [];
}

function checkTool(
  step: ChainStep,
  pointer: string,
  { effect, observable }: ToolDefinition,
  tools: RegisteredTools,
): readonly Violation[] {
  const name = step.reduce?.tool ?? step.tool;
  if (name === undefined) return [];
  const at = step.reduce === undefined ? `${pointer}/tool` : `${pointer}/reduce/tool`;
  const used = tools.get(name);
  if (used === undefined) return [{ pointer: at, message: `There is no tool "${name}".` }];
  const violations: Violation[] = [];
  if (effectExceeds(used.effect, effect)) {
    violations.push({
      pointer: at,
      message: `The tool's effect is ${used.effect}; the chain declares ${effect}.`,
    });
  }
  if (used.observable === true && observable !== true)
    violations.push({ pointer: at, message: "The tool is observable; declare the chain so too." });
  if (step.retry !== undefined && effectExceeds(used.effect, "read"))
    violations.push({
      pointer: `${pointer}/retry`,
      message: `A tool with the effect ${used.effect} is not called again.`,
    });
  return violations;
}

function checkOrder({ calls }: Chain): readonly Violation[] {
  const places = new Map(calls.map(({ id }, index) => [id, index]));
  const needs = calls.map((step) => new Set(needsOf(step).flatMap((id) => places.get(id) ?? [])));
  return [...dependencyOrder(needs).cycles].map(([index, cycle]) => ({
    pointer: `/chain/calls/${index}`,
    message: `Steps wait for each other in a circle: ${[...cycle, index]
      .map((place) => calls[place]?.id ?? "")
      .join(" → ")}.`,
  }));
}

/** Chains that lead back to `name`, or nest too deeply: the path is shown. */
function checkNesting(name: string, tools: RegisteredTools): readonly Violation[] {
  const path = deepPath([name], tools, new Set());
  if (path === null) return [];
  const shown = path.join(" → ");
  const message = path.slice(0, -1).includes(path.at(-1) ?? "")
    ? `Chains call each other in a circle: ${shown}.`
    : `Chains nest at most ${MAX_CHAIN_DEPTH} deep: ${shown}.`;
  return [{ pointer: "/chain", message }];
}

/** A path of chains that comes back to where it was or is too long; null when there is none. */
function deepPath(
  path: readonly string[],
  tools: RegisteredTools,
  fine: Set<string>,
): readonly string[] | null {
  const [name = ""] = path.slice(-1);
  const chain = tools.get(name)?.chain;
  const key = `${path.length} ${name}`;
  if (chain === undefined || fine.has(key)) return null;
  if (path.slice(0, -1).includes(name) || path.length > MAX_CHAIN_DEPTH) return path;
  for (const used of new Set(
    chain.calls.flatMap(({ tool, reduce }) => reduce?.tool ?? tool ?? []),
  )) {
    const found = deepPath([...path, used], tools, fine);
    if (found !== null) return found;
  }
  fine.add(key);
  return null;
}
