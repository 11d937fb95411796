/**
 * UpstreamSession: what a guarded call knows of the upstreams it may go to, and what it tells about them.
 *
 * The isolate answers from memory at once; nothing here waits. `resilience` uses the port, `tenancy` implements it with
 * what the tenant's isolates have agreed on. A target's name is a breaker's name: `<upstream>@<target>` of a model
 * upstream, `tool:<name>` of an HTTP tool (`tool:<name>@<target>` when it has several), `mcp:<label>` of an MCP server.
 */

import type { ResiliencePolicy } from "./resilience-policy.ts";

/**
 * What an attempt says of its target. `ok` is an answer; `failed` is the target's fault; `rate_limited` asks
 * to come back later; `credential` refuses the key; `ignored` says nothing: the request's own fault, a caller that left, a
 * hedge that was recalled; `lost` is a request whose rival has answered. `timed_out` had no answer when its time was over, which may have been too short.
 */
export type AttemptClass =
  | "ok"
  | "failed"
  | "timed_out"
  | "rate_limited"
  | "credential"
  | "lost"
  | "ignored";

/** How one attempt went. */
export interface Verdict {
  readonly class: AttemptClass;
  /** The target's own word on when to come back, or null. */
  readonly retryAfterMs: number | null;
  /** False only when the upstream provably did nothing with the request. */
  readonly executed: boolean;
}

/** Why no request may go to a target now. */
export interface Held {
  /** `circuit_open`: it fails. `rate_limited`: it asked to be left alone until then. `credential`: it has refused the key. */
  readonly cause: "circuit_open" | "rate_limited" | "credential";
  readonly retryAfterMs: number;
  /** Somebody with the right to has said so, or the key is of no use; no panic overrules it. */
  readonly isForced: boolean;
  /** The tenant's gate may have a probe for it; see `probe`. */
  readonly mayProbe: boolean;
}

/** Leave to send one request to a target. It must be given back with `report`, once. */
export interface Pass {
  readonly target: string;
  /** The probe of a half-open breaker this request is, or null. */
  readonly probe: number | null;
  /** The probe was leased from the tenant's gate, not here. */
  readonly isLeased: boolean;
  /** It is sent beside a request that was asked for, so its time says nothing of how long those take. */
  readonly isHedge?: true;
}

/** How long a target takes, ms, and when that was last measured. */
export interface MeasuredLoad {
  readonly ms: number;
  readonly atMs: number;
}

/** What the tenant's isolates tell each other of targets that are chosen among. */
export interface SharedLoads {
  /** What they measured of a target, or null. */
  of(target: string): MeasuredLoad | null;
  /** This isolate has measured a target. */
  tell(target: string, load: MeasuredLoad): void;
}

/** See above. Nothing rejects or throws, and only `probe` waits. */
export interface UpstreamSession {
  readonly policy: ResiliencePolicy;
  /** Why the target may not be asked now, or null when it may. Changes nothing. */
  held(target: string): Held | null;
  /** Leave for one request, whatever `held` says (a panic may overrule it). A probe's place is taken. */
  enter(target: string, timeoutMs: number): Pass;
  /**
   * Leave to try a target that is held and whose `mayProbe` says so; null when all places are taken. Waits for the gate, at
   * most a moment; one call of an isolate at a time.
   */
  probe(target: string, timeoutMs: number): Promise<Pass | null>;
  /** How the request of `pass` went, and how long it took. */
  report(pass: Pass, verdict: Verdict, durationMs: number): void;
  /** Takes leave for one request more than was asked for; false when the target's budget is spent. */
  takeRetryToken(target: string): boolean;
  /** After how long a request to the target is worth a second one; null when it is not. */
  hedgeAfterMs(target: string): number | null;
  /** After how long a request to the target hangs; null when nobody knows. */
  lateMs(target: string): number | null;
  /**
   * Takes leave for a hedge of a request that has taken so long, from its own budget and that of all repeated requests; false
   * when either is spent.
   */
  takeHedgeToken(target: string, waitedMs: number): boolean;
  /** Asked only where there are several targets. Absent: this isolate is alone. */
  loads?(): SharedLoads;
}
