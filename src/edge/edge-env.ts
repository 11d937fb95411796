/** What Hono carries for one request: the Worker's bindings and the request's own record. */

import type { RateView } from "../contract/admission.ts";
import type { ErrorCode } from "../contract/error.ts";
import type { KeyRecord } from "../contract/key.ts";
import type { TraceContext } from "../telemetry/trace-context.ts";

/** What is known about a request so far. Each field is filled by the step that learns it, and read when the request ends. */
export interface RequestRecord {
  readonly id: string;
  readonly trace: TraceContext;
  /** Epoch ms at which the request arrived. */
  readonly startedMs: number;
  /** Milliseconds spent waiting for the run itself, which are not the gateway's. */
  waitedMs: number;
  tenantId: string | null;
  runId: string | null;
  /** Why the request was refused or broke. */
  code: ErrorCode | null;
  /** Rate limits after admission, granted or not. */
  rates: readonly RateView[];
  /** The answer is a stream; who writes it calls `finish` when it ends. */
  isStream: boolean;
  /** Writes the request's log line. */
  finish(): void;
}

/** Types of every Hono app in this room. */
export interface EdgeEnv {
  Bindings: Env;
  Variables: {
    record: RequestRecord;
    /** Set by `requireScope`. */
    key: KeyRecord;
  };
}
