/**
 * Links the references of calls that are planned together: which call each label names, in which order they can run, and
 * what can never work.
 *
 * Refused is only what is certain before anything is sent: a label nobody has, calls that wait for each other, a place
 * the producer's output schema rules out, a type the consumer's input schema rules out. A tool that declares no output
 * promises nothing, so whether the place is there shows when the result is.
 */

import { dependencyOrder } from "../../algorithms/dependency-order.ts";
import { parsePointer } from "../../algorithms/json-pointer.ts";
import type { Violation } from "../../contract/error.ts";
import type { ArgumentReference, CallableTool, ResultSource } from "../../contract/planned-call.ts";
import { placeOf, sourcesOf } from "./read-references.ts";
import { type JsonType, typesAt } from "./schema-types.ts";

/** A call to be linked. */
export interface LinkingCall {
  readonly id: string;
  /** How the call is named in messages. */
  readonly label: string;
  /** Null when there is no such tool, which is said elsewhere. */
  readonly tool: CallableTool | null;
  readonly references: readonly ArgumentReference[];
}

/** Whose result a label names: the call at a place in the list, or one that ended before, by its id. */
export type LabelOwner = { readonly index: number } | { readonly ended: string };

/** Finds the owner of a label, or says why there is none. */
export type FindLabel = (label: string) => LabelOwner | { readonly wrong: string };

/** A call linked to what it needs. */
export interface LinkedCall {
  /** The references with the ids of their calls. */
  readonly references: readonly ArgumentReference[];
  /** Places in the list of the calls it needs. */
  readonly needs: ReadonlySet<number>;
  /** What can never work; pointers into the call's arguments. The call must not run when there is any. */
  readonly violations: readonly Violation[];
}

/** The calls of one plan, linked. */
export interface LinkedPlan {
  /** One for each call, in the order given. */
  readonly calls: readonly LinkedCall[];
  /** Every call that does not wait for itself, after all it needs. */
  readonly order: readonly number[];
}

/** Links `calls`; there are at most a few hundred. */
export function linkCalls(calls: readonly LinkingCall[], find: FindLabel): LinkedPlan {
  const linked = calls.map((call) => linkOne(call, calls, find));
  const { order, cycles } = dependencyOrder(linked.map(({ needs }) => needs));
  const complete = linked.map((call, index) => {
    const cycle = cycles.get(index);
    if (cycle === undefined) return call;
    return { ...call, violations: [...call.violations, cycleViolation(calls, call, cycle)] };
  });
  return { calls: complete, order };
}

function linkOne(call: LinkingCall, calls: readonly LinkingCall[], find: FindLabel): LinkedCall {
  const needs = new Set<number>();
  const violations: Violation[] = [];
  const references = call.references.map((reference): ArgumentReference => {
    const link = (source: ResultSource): ResultSource => {
      const owner = find(source.label);
      if ("wrong" in owner) {
        violations.push({ pointer: placeOf(reference), message: owner.wrong });
        return source;
      }
      if ("ended" in owner) return { ...source, call: owner.ended };
      needs.add(owner.index);
      const producer = calls[owner.index];
      const message = producer === undefined ? null : clash(call, reference, producer, source);
      if (message !== null) violations.push({ pointer: placeOf(reference), message });
      return producer === undefined ? source : { ...source, call: producer.id };
    };
    return reference.kind === "value"
      ? { ...reference, source: link(reference.source) }
      : {
          ...reference,
          parts: reference.parts.map((part) => (typeof part === "string" ? part : link(part))),
        };
  });
  return { references, needs, violations };
}

/** Why a result can never go where it should, or null. */
function clash(
  consumer: LinkingCall,
  reference: ArgumentReference,
  producer: LinkingCall,
  { label, pointer }: ResultSource,
): string | null {
  const output = producer.tool?.output ?? null;
  const given = output === null ? null : typesAt(output, parsePointer(pointer) ?? []);
  if (given?.length === 0)
    return `The result of "${label}" never has ${pointer}: the output schema of its tool rules it out.`;
  if (consumer.tool === null) return null;
  const taken = typesAt(consumer.tool.input, parsePointer(reference.at) ?? []);
  // A place the tool does not have at all is named by the check of the arguments.
  if (taken.length === 0) return null;
  if (reference.kind === "text")
    return taken.includes("string") ? null : `A text cannot stand here: ${expected(taken)}.`;
  if (given === null || given.some((type) => taken.includes(type))) return null;
  const what = pointer === "" ? `The result of "${label}"` : `${pointer} of "${label}"`;
  return `${what} is ${listed(given)}, but ${expected(taken)}.`;
}

function expected(types: readonly JsonType[]): string {
  return `this must be ${listed(types)}`;
}

function listed(types: readonly JsonType[]): string {
  return types.join(" or ");
}

function cycleViolation(
  calls: readonly LinkingCall[],
  { references }: LinkedCall,
  cycle: readonly number[],
): Violation {
  const [start] = cycle;
  const next = calls[cycle[1] ?? start ?? 0];
  const guilty = references.find((one) => sourcesOf(one).some(({ call }) => call === next?.id));
  const shown = [...cycle, ...cycle.slice(0, 1)].map((index) => calls[index]?.label ?? "");
  const sentence =
    cycle.length === 1
      ? "A call cannot refer to its own result"
      : "These calls wait for each other";
  return {
    pointer: guilty === undefined ? "" : placeOf(guilty),
    message: `${sentence}: ${shown.join(" -> ")}.`,
  };
}
