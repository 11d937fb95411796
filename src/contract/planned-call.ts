/**
 * A tool call between its room and the run: what `tools` hands over once it has checked a call, and what a run offers to
 * a model. `orchestration/ports.ts` gives these words on, so neither room imports the other.
 */

import type { JsonObject } from "../platform/canonical-json.ts";
import type { Result } from "../platform/result.ts";
import type { CallError, CallResult } from "./run.ts";
import type { Effect } from "./tool.ts";

/** A call whose tool exists and whose arguments satisfy its schema. Plain data: it crosses RPC unchanged. */
export interface PlannedCall {
  /** Unique in the run. */
  readonly id: string;
  readonly tool: string;
  readonly arguments: JsonObject;
  readonly effect: Effect;
  /** Counted from the moment the call holds a slot. */
  readonly timeoutMs: number;
  /** The tool's own cap on calls in flight in one run, or null. */
  readonly maxParallel: number | null;
  /** Ids of calls of this run whose results the arguments refer to. Absent: none, the call may start at once. */
  readonly needs?: readonly string[];
  /** The branch it belongs to. Absent: none. */
  readonly branch?: string;
  /** Sent to the tool as `Idempotency-Key`, the same on every attempt and after a crash. Absent: none is sent. */
  readonly idempotencyKey?: string;
  /**
   * `required`: somebody has to say yes first; sent as it is, it is refused and never made. `granted`: somebody did, for
   * this tool, definition and these arguments. Absent: the tool asks for none.
   */
  readonly approval?: "required" | "granted";
  /** Version of the tool's definition the call was checked against. */
  readonly toolVersion?: number;
}

/**
 * Puts results into the arguments of a call that needs them. `results` holds every call of the run that has ended so far,
 * at least those in `needs`, all of which succeeded. An error (a pointer into missing data, arguments that do not fit the
 * tool's schema once they are known) fails this call. Pure: it keeps id, tool and effect.
 */
export type BindCall = (
  call: PlannedCall,
  results: ReadonlyMap<string, CallResult>,
) => Result<PlannedCall, CallError>;

/** A tool as the model sees it: `wireName` is what the provider accepts, `name` is the tenant's. */
export interface OfferedTool {
  readonly wireName: string;
  readonly name: string;
  readonly description: string;
  readonly input: JsonObject;
  /** True when each of its calls has to be approved first. */
  readonly needsApproval?: boolean;
}

/** The gateway's tools in one chat run. */
export interface ToolBox {
  readonly offered: readonly OfferedTool[];
  /** Checks a call the model made; `argumentsJson` is the text it wrote. Nothing is sent. */
  plan(id: string, wireName: string, argumentsJson: string): Result<PlannedCall, CallError>;
}
