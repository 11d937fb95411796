/**
 * A tool call between its room and the run: what `tools` hands over once it has checked a call, and what a run offers to
 * a model. `orchestration/ports.ts` gives these words on, so neither room imports the other.
 */

import type { JsonObject } from "../platform/canonical-json.ts";
import type { Result } from "../platform/result.ts";
import type { Violation } from "./error.ts";
import type { CallError, CallResult } from "./run.ts";
import type { Effect } from "./tool.ts";

/** A place in another call's result, as the author of the arguments named it. */
export interface ResultSource {
  /** The other call's id in a run of calls, its label in a chat. */
  readonly label: string;
  /** JSON pointer (RFC 6901) into its result, `""` for the whole. */
  readonly pointer: string;
  /** The call's id, once its label was found. A source without it cannot be bound. */
  readonly call?: string;
}

/** A place in a call's arguments that a result goes into: as a value, or as text between other text. */
export type ArgumentReference = {
  /** JSON pointer into the arguments, of the object `{"$ref": …}` or `{"$tmpl": …}` that is replaced. */
  readonly at: string;
} & (
  | { readonly kind: "value"; readonly source: ResultSource }
  | { readonly kind: "text"; readonly parts: readonly (string | ResultSource)[] }
);

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
  /** What the arguments still lack. A call with references is bound before it runs; a lane never sees one. */
  readonly references?: readonly ArgumentReference[];
  /** The name under which a model's later calls may refer to its result. */
  readonly label?: string;
  /** The branch it belongs to. Absent: none. */
  readonly branch?: string;
  /** Labels of its tool; the policy may cap calls in flight by them. */
  readonly tags?: readonly string[];
  /** Host it goes to, with the port where that is not the scheme's own. Absent: to none. */
  readonly host?: string;
  /** Its tool's group of tools that share a foreign limit. */
  readonly group?: string;
  /** Higher starts first when slots are short. Absent: 0. */
  readonly priority?: number;
  /** The chain or branch this call is made for. Its result is not one of the run's own. Absent: somebody asked for it. */
  readonly partOf?: string;
  /** Made again on purpose, as a retry or a round of a loop: what an identical call gave before is no answer to it. */
  readonly again?: true;
  /** Whoever makes the call repeats it itself when it fails, so it is sent once. */
  readonly isRepeatedOutside?: true;
  /** Sent to the tool as `Idempotency-Key`, the same on every attempt and after a crash. Absent: none is sent. */
  readonly idempotencyKey?: string;
  /**
   * `required`: somebody has to say yes first; sent as it is, it is refused and never made. `granted`: somebody did, for
   * this tool, definition and these arguments. Absent: the tool asks for none.
   */
  readonly approval?: "required" | "granted";
  /** Longest output that is handed on, in UTF-16 units; a longer one is kept. Absent: any. */
  readonly inlineLength?: number;
  /** What its result may take of the model's turn, in tokens. Absent: what the others leave. */
  readonly maxResultTokens?: number;
  /** Leaves the tenant's zone of trust, so it is never started on a guess. Absent: it does not. */
  readonly observable?: true;
  /** Version of the tool's definition the call was checked against. */
  readonly toolVersion?: number;
  /** A run may use its tool so many times only, so it is not made before it is meant: a wrong start would be a use. */
  readonly isCounted?: true;
  /** Made before the model has said that it means it, or on a guess: it takes no number of its own. */
  readonly isTentative?: true;
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

/** A tool as planning sees it. */
export interface CallableTool {
  /** The tenant's name of it. */
  readonly name: string;
  /** JSON Schema of the arguments. */
  readonly input: JsonObject;
  /** JSON Schema of the result, or null when the tool promises nothing. */
  readonly output: JsonObject | null;
  /**
   * Every wrong place of `values` as pointers into them. Values at `holes` (pointers too) are not known yet: only what
   * is wrong whatever they turn out to be is named.
   */
  check(values: JsonObject, holes: readonly string[]): readonly Violation[];
  /** The call, ready to be sent. `values` must have been checked. */
  call(id: string, values: JsonObject): PlannedCall;
}

/** A tool as the model sees it: `wireName` is what the provider accepts, `name` is the tenant's. */
export interface OfferedTool {
  readonly wireName: string;
  readonly name: string;
  readonly description: string;
  readonly input: JsonObject;
  /** Label of the server it belongs to where calls are shown; absent: the tenant's own tools. */
  readonly toolset?: string;
  /** True when each of its calls has to be approved first. */
  readonly needsApproval?: boolean;
}

/** The gateway's tools in one chat run. */
export interface ToolBox {
  readonly offered: readonly OfferedTool[];
  /** What the model has to be told to use the tools as they are offered, put into the messages. Absent: nothing. */
  readonly instruct?: (messages: readonly JsonObject[]) => readonly JsonObject[];
  /**
   * Checks a call the model made; `argumentsJson` is the text it wrote. Nothing is sent. `isTentative`: the model may not
   * mean it, so it does not count as planned.
   */
  plan(
    id: string,
    wireName: string,
    argumentsJson: string,
    isTentative?: boolean,
  ): Result<PlannedCall, CallError>;
  /** The tool the model knows as `wireName`, or null. */
  find(wireName: string): CallableTool | null;
  /** The arguments a model wrote as JSON, within the bounds on their length and depth. */
  parse(argumentsJson: string): Result<JsonObject, CallError>;
}
