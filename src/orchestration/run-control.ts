/**
 * RunControl: cancelling a part of a run from outside while the rest goes on. Whoever starts a run keeps it; the run
 * answers it from the moment its calls are submitted until they have all ended.
 */

import type { RunPart } from "../contract/run.ts";

/** Reaches into a run. */
export interface RunControl {
  /** Cancels the part, or takes that back; false when the run has no such part. */
  cancel(part: RunPart): boolean;
  /** Resolves once the run answers; what is cancelled in a reaction to it never gets away. */
  readonly answered: Promise<void>;
  /** The run says how. */
  answer(cancel: (part: RunPart) => boolean): void;
}

/** A control that reaches nothing until a run answers it. */
export function createRunControl(): RunControl {
  let reach: ((part: RunPart) => boolean) | null = null;
  const answered = Promise.withResolvers<void>();
  return {
    answered: answered.promise,
    cancel: (part) => reach?.(part) ?? false,
    answer(cancel) {
      reach = cancel;
      answered.resolve();
    },
  };
}
