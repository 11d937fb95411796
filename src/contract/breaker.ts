/** Breakers: what isolates and a tenant's gate tell each other of them, and what a tenant sees and may do. */

import * as z from "zod/mini";

/** Targets in one word to the gate; the rest waits for the next. */
export const MAX_BREAKER_WORDS = 64;

/** How a probe ended; `ignored` says nothing of its target and gives the place back. */
export type ProbeEnd = "good" | "bad" | "ignored";

/** What an isolate has seen of one target since it last said so. */
export interface TargetWord {
  readonly target: string;
  readonly good: number;
  readonly bad: number;
  /** Of the bad ones, those without an answer in time. */
  readonly timedOut: number;
  /** Answers that asked to come back later; neither good nor bad. */
  readonly limited: number;
  /** Share of failures that is usual, where the policy says so. */
  readonly baseline: number | null;
  /** The target asked to be left alone for so long; 0: it did not. */
  readonly holdMs: number;
  /** A key it has refused, or the one it took in its place; by a name that changes with the key. Absent: neither. */
  readonly credential?: { readonly id: string; readonly isRefused: boolean };
  readonly answers: readonly { readonly probe: number; readonly end: ProbeEnd }[];
}

/** What an isolate says, and the probe it asks for, with the time a probe may take. */
export interface BreakerWord {
  readonly targets: readonly TargetWord[];
  readonly probe?: { readonly target: string; readonly ttlMs: number };
}

/** A breaker that is not simply closed, as all isolates must see it. */
export interface SharedBreaker {
  readonly target: string;
  /** Counts up with every transition. */
  readonly epoch: number;
  readonly phase: "closed" | "open" | "half_open";
  readonly forced: "open" | "closed" | null;
  /** Until it lets probes pass; 0 when it does. */
  readonly openForMs: number;
  readonly openMs: number;
  readonly cause: "failures" | "retry_after" | "credential";
  /** The key that was refused. Absent: by a gate of before. */
  readonly credential?: string | null;
}

/** The gate's answer: every breaker that is not closed. One that is missing is. */
export interface BreakerAnswer {
  readonly shared: readonly SharedBreaker[];
  /** The probe asked for, or null when all places are taken. */
  readonly probe: number | null;
}

/** How an upstream fails, where its failures have a shape. */
export type FailurePattern = "cascading" | "exhaustion" | "timeout_spiral" | "intermittent";

/** A breaker as its tenant sees it. */
export interface BreakerReport {
  readonly name: string;
  readonly state: "closed" | "open" | "half_open" | "forced_open" | "forced_closed";
  readonly cause: "failures" | "retry_after" | "credential" | null;
  readonly retry_after_ms: number | null;
  /** Times it has opened because of failures. */
  readonly openings: number;
  /** Mean time between failures and to recovery, in seconds; null before the first. */
  readonly mtbf_s: number | null;
  readonly mttr_s: number | null;
  readonly pattern: FailurePattern | null;
}

/** The body of `POST /v1/breakers/{upstream}`. */
export const BreakerForce = z.strictObject({ force: z.enum(["open", "closed", "auto"]) });
/** What to do with a breaker. */
export type BreakerForce = z.infer<typeof BreakerForce>;
