/** What a step of a chain refers to, place by place: for the check of a definition and for the order of a run. */

import type { ChainStep } from "../../contract/chain.ts";
import type { Violation } from "../../contract/error.ts";
import type { Json } from "../../platform/canonical-json.ts";
import { placeOf, readReferences, sourcesOf } from "../plan/read-references.ts";

/** Labels that are no step. */
export const OWN_LABELS: ReadonlySet<string> = new Set(["input", "item", "index", "acc", "last"]);

/** One reference of a step, where it stands in the step, and which of the labels that are no step it may use there. */
export interface PlacedReference {
  readonly label: string;
  /** RFC 6901, "" for the whole value. */
  readonly pointer: string;
  /** JSON pointer into the step. */
  readonly at: string;
  readonly labels: ReadonlySet<string>;
}

/** The references of a step, and those that are none. */
export interface StepReferences {
  readonly references: readonly PlacedReference[];
  readonly violations: readonly Violation[];
}

const OUTSIDE: ReadonlySet<string> = new Set(["input"]);

/** Reads every reference of a step; pointers are into the step. */
export function stepReferences(step: ChainStep): StepReferences {
  const { when, map, reduce, loop } = step;
  const inside = insideLabels(step);
  const places: readonly (readonly [string, Json | undefined, ReadonlySet<string>])[] = [
    ["arguments", step.arguments, inside],
    ["when", when, OUTSIDE],
    ["map", map && { over: map.over }, OUTSIDE],
    ["reduce", reduce && { over: reduce.over }, OUTSIDE],
    ["loop", loop && { until: loop.until }, inside],
  ];
  const read = places.flatMap(([name, value, labels]) =>
    value === undefined ? [] : [{ labels, ...readReferences({ [name]: value }) }],
  );
  return {
    references: read.flatMap(({ references, labels }) =>
      references.flatMap((reference) =>
        sourcesOf(reference).map(({ label, pointer }) => ({
          label,
          pointer,
          at: placeOf(reference),
          labels,
        })),
      ),
    ),
    violations: read.flatMap(({ violations }) => violations),
  };
}

/** Ids of the steps that must have ended before this one starts. */
export function needsOf(step: ChainStep): readonly string[] {
  const labels = stepReferences(step).references.map(({ label }) => label);
  return [...new Set([...labels.filter((label) => !OWN_LABELS.has(label)), ...(step.after ?? [])])];
}

function insideLabels({ map, reduce, loop }: ChainStep): ReadonlySet<string> {
  if (reduce !== undefined) return new Set(["input", "item", "index", "acc"]);
  if (map !== undefined) return new Set(["input", "item", "index"]);
  return loop === undefined ? OUTSIDE : new Set(["input", "last", "index"]);
}
