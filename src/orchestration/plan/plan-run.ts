/**
 * Plans the calls of `POST /v1/runs`: every tool exists, the arguments fit, the references can be followed. One mistake
 * refuses the whole list, and every mistake of all calls is named with its place in the body.
 */

import type { Violation } from "../../contract/error.ts";
import type { CallableTool, PlannedCall } from "../../contract/planned-call.ts";
import type { JsonObject } from "../../platform/canonical-json.ts";
import { type Result, fail, ok } from "../../platform/result.ts";
import { type FindLabel, type LinkedCall, type LinkingCall, linkCalls } from "./link-calls.ts";
import { type ReadArguments, checkRead, readReferences } from "./read-references.ts";

/** One call as a client asks for it. */
interface RunCall {
  readonly id?: string | undefined;
  readonly tool: string;
  readonly arguments: JsonObject;
}

interface ReadCall extends LinkingCall {
  readonly read: ReadArguments;
  readonly violations: readonly Violation[];
}

/**
 * Plans `calls`; `pointerPrefix` is where the list stands in the body. Calls without an id become `call_<n>`, counting
 * from 1 by their place and past ids already in use; ids are the labels of references.
 */
export function planRun(
  find: (tool: string) => CallableTool | null,
  calls: readonly RunCall[],
  pointerPrefix: string,
): Result<readonly PlannedCall[], readonly Violation[]> {
  const given = new Set(calls.flatMap(({ id }) => (id === undefined ? [] : [id])));
  const seen = new Set<string>();
  const read = calls.map((call, index): ReadCall => {
    const id = call.id ?? freeId(index + 1, given);
    const isTaken = seen.has(id);
    seen.add(id);
    return readCall(call, id, isTaken, find(call.tool));
  });
  const plan = linkCalls(read, findById(read));
  const violations = read.flatMap((call, index) =>
    [...call.violations, ...(plan.calls[index]?.violations ?? []).map(inArguments)].map(
      ({ pointer, message }) => ({ pointer: `${pointerPrefix}/${index}${pointer}`, message }),
    ),
  );
  if (violations.length > 0) return fail(violations);
  return ok(read.flatMap((call, index) => planned(call, plan.calls[index], read)));
}

function readCall(
  call: RunCall,
  id: string,
  isTaken: boolean,
  tool: CallableTool | null,
): ReadCall {
  const violations: Violation[] = [];
  if (isTaken)
    violations.push({ pointer: "/id", message: "Another call of this run has the same id." });
  const read = readReferences(call.arguments);
  if (tool === null)
    violations.push({ pointer: "/tool", message: `There is no tool "${call.tool}".` });
  violations.push(...checkRead(read, tool).map(inArguments));
  return { id, label: id, tool, references: read.references, read, violations };
}

function inArguments({ pointer, message }: Violation): Violation {
  return { pointer: `/arguments${pointer}`, message };
}

function findById(calls: readonly ReadCall[]): FindLabel {
  // Of two calls with one id, which is refused for it, the first is meant: one mistake is named once.
  const indexes = new Map(calls.map(({ id }, index) => [id, index] as const).toReversed());
  return (label) => {
    const index = indexes.get(label);
    return index === undefined ? { wrong: `There is no call "${label}" in this run.` } : { index };
  };
}

function planned(
  { id, tool, read }: ReadCall,
  linked: LinkedCall | undefined,
  calls: readonly ReadCall[],
): readonly PlannedCall[] {
  if (tool === null || linked === undefined) return [];
  const call = tool.call(id, read.values);
  if (linked.references.length === 0) return [call];
  const needs = [...linked.needs].flatMap((index) => calls[index]?.id ?? []);
  return [{ ...call, references: linked.references, needs }];
}

/** `call_<n>`, or with a suffix when a call of this run has that id already. */
function freeId(n: number, given: Set<string>): string {
  let id = `call_${n}`;
  for (let suffix = 2; given.has(id); suffix += 1) id = `call_${n}_${suffix}`;
  given.add(id);
  return id;
}
