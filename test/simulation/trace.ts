/** Everything that is observed of one simulated run, in order, over all its lives; and what was seen to be wrong. */

import type { PlannedCall } from "../../src/contract/planned-call.ts";
import type { CallStatus } from "../../src/contract/run.ts";

/** What a simulation guarantees; each is checked in `rules-…` or while the run goes on. */
export type Guarantee =
  | "a call starts only when what it needs has succeeded, and with its results"
  | "results stand in the caller's order"
  | "a write is sent at most once"
  | "a write that may have happened says so"
  | "an idempotent write keeps its key"
  | "nothing is sent after the deadline"
  | "nothing is open after the end"
  | "nothing shows before it is committed"
  | "caps hold"
  | "no slot idles while a call could run"
  | "every call ends once"
  | "what is cancelled is not sent and does not succeed"
  | "a finished result is never lost"
  | "the run ends";

/** One thing that happened. */
export type Observation =
  /** The scheduler gave the call to a lane. */
  | { readonly kind: "started"; readonly call: PlannedCall }
  | { readonly kind: "settled"; readonly id: string; readonly status: CallStatus }
  /** A request left for a tool; `serial` is the request's own number. */
  | { readonly kind: "sent"; readonly call: PlannedCall; readonly serial: number }
  | { readonly kind: "answered"; readonly serial: number; readonly status: CallStatus }
  /** The model said that its calls are complete and meant; `script` names what it said. */
  | { readonly kind: "meant"; readonly script: string }
  /** Somebody cancelled it and was told that it is. `null`: the whole run. */
  | { readonly kind: "cancelled"; readonly calls: readonly string[] | null }
  | { readonly kind: "reset"; readonly branch: string }
  | { readonly kind: "ended" };

/** An observation with its place. */
export type Observed = Observation & { readonly life: number; readonly atMs: number };

/** A guarantee that did not hold. */
export interface Violation {
  readonly guarantee: Guarantee;
  readonly what: string;
}

/** Notes what happens. */
export class Trace {
  readonly observed: Observed[] = [];
  readonly violations: Violation[] = [];
  life = 1;
  /** Set to the clock of the life that goes on. */
  now: () => number = () => 0;

  note(observation: Observation): void {
    this.observed.push({ ...observation, life: this.life, atMs: this.now() });
  }

  /** Says so unless `holds`. */
  demand(guarantee: Guarantee, holds: boolean, what: () => string): void {
    if (!holds) this.violations.push({ guarantee, what: `life ${this.life}: ${what()}` });
  }

  /** All observations of a kind, in order. */
  all<Kind extends Observation["kind"]>(kind: Kind): readonly Extract<Observed, { kind: Kind }>[] {
    return this.observed.filter(
      (each): each is Extract<Observed, { kind: Kind }> => each.kind === kind,
    );
  }
}
