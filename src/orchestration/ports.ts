/**
 * Ports: everything a run needs from the world. The same run core works in an isolate, in a `RunJournal` object and in
 * plain Node, because it knows nothing else.
 */

import type { ChatEvent, ChatRequest, ModelEvent } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import type { HeldTurn } from "../contract/gateway-call.ts";
import type { BindCall, OfferedTool, PlannedCall, ToolBox } from "../contract/planned-call.ts";
import type { RunCaps } from "../contract/policy.ts";
import type { CallOutcome, CallProgress, RunEvent } from "../contract/run.ts";
import type { Json, JsonObject } from "../platform/canonical-json.ts";
import type { Clock } from "../platform/clock.ts";
import type { Result } from "../platform/result.ts";
import type { ProgramStarts } from "./early-start/program-starts.ts";
import type { FindTool } from "./plan/plan-call.ts";
import type { RunControl } from "./run-control.ts";
import type { InsideCalls } from "./schedule/scheduler.ts";

import type { Speculation } from "./speculation/speculator.ts";

export type { BindCall, OfferedTool, PlannedCall, ToolBox };

/** One invocation's worth of connections: runs up to `slots` calls at once. */
export interface Lane {
  readonly slots: number;
  /**
   * Runs one call. `timeoutMs` is what is left of the call's own timeout and the run's deadline, whichever is less; the
   * lane enforces it. When `signal` aborts, the request is aborted and the outcome says so. Never rejects. `onProgress` is
   * told how far the call is, where its tool says so.
   */
  run(
    call: PlannedCall,
    timeoutMs: number,
    signal: AbortSignal,
    onProgress?: (progress: CallProgress) => void,
  ): Promise<CallOutcome>;
}

/** Gives a run its lanes. A run asks once for all it will ever need at the same time and reuses them in later turns. */
export interface LanePool {
  /** Lanes holding at least `calls` slots together, as far as the platform allows; the same lanes on every call. */
  lanes(calls: number): readonly Lane[];
  /** A new turn of the model begins: what its calls share with each other ends with the turn before. */
  beginTurn?(): void;
  /** Releases what the lanes hold. Call once, when the run has ended. */
  close(): void;
}

/** One run's part of the calls its isolate may have in flight. Every place taken or granted is given back once. */
export interface CallShare {
  /** Takes a place; false when there is none or others wait for one. */
  take(): boolean;
  /** Gives a place back. */
  give(): void;
  /**
   * Waits for so many places, each for a call of about `costMs`, in place of what it waited for; 0 leaves, and gives back
   * what was granted and not collected.
   */
  want(calls: number, costMs: number): void;
  /** Resolves with the places granted since the last time, once there are any or it has left. Never rejects. */
  granted(): Promise<number>;
}

export type { Clock };

/** Keeps the gateway's half of a mixed turn until the client comes back with its own half. */
export interface TurnStore {
  /** Resolves once the turn is durable. */
  save(turnId: string, turn: HiddenTurn): Promise<void>;
  /** The turn, or null when it is unknown, another tenant's or expired. */
  load(turnId: string): Promise<HiddenTurn | null>;
}

/** A mixed turn as the model made it, and the results of the gateway's calls in it. */
export interface HiddenTurn {
  /**
   * All calls of the turn in model order. `clientId` is the id the client saw, null for a gateway call. Of a client's
   * call only the ids are kept, name and arguments are empty: the client brings them back itself. A turn without gateway
   * calls is kept too (see hidden-turn.ts); it holds ids only and may well be kept longer.
   */
  readonly calls: readonly {
    readonly id: string;
    readonly name: string;
    readonly argumentsJson: string;
    readonly clientId: string | null;
    /** What the provider must see again beside the call. */
    readonly extra?: JsonObject;
  }[];
  /** Content of the tool message, by the model's call id, for each gateway call. */
  readonly results: Readonly<Record<string, string>>;
  /** The reasoning that led to the calls, which some providers demand back unchanged and few clients keep. */
  readonly reasoningDetails?: Json;
  /**
   * The run's turns before this one, in which the gateway's tools alone were called: the client never saw them and the
   * model must. Absent in a run's first turn.
   */
  readonly earlier?: {
    readonly messages: readonly JsonObject[];
    /** What the model said in the kept turn itself; the client has the text of all turns in one. */
    readonly content: Json;
  };
}

/** Full values of results that were cut, kept for the run and for the conversation after it. Nothing here rejects. */
export interface KeptResults {
  /** Estimated tokens all results of one model turn may take together. */
  readonly maxTokensPerTurn: number;
  /** Resolves with true once the JSON text can be read under its handle, with false when it could not be kept. */
  keep(handle: string, json: string): Promise<boolean>;
  /** The JSON text, or null when the handle is unknown, another tenant's or expired. */
  read(handle: string): Promise<string | null>;
}

/** How many references to results could be followed, and how many could not and were the model's mistake. */
export interface ReferenceUse {
  readonly good: number;
  readonly bad: number;
}

/** What executing calls needs of the world. */
export interface SchedulePorts {
  readonly clock: Clock;
  readonly lanes: LanePool;
  /** Called as a call starts that needs others. Absent: its arguments are whole as they are. */
  readonly bind?: BindCall;
  /** How long a call of the tool takes but for the slowest few, above 0. Absent: all tools take the same. */
  readonly expectedMs?: (tool: string) => number;
  /** Joins those who share the isolate; by `endsAtMs` all calls have ended. Absent: there is always a place. */
  readonly share?: (endsAtMs: number) => CallShare;
  /** Calls the run makes itself, without a slot: chains. Absent: none. */
  readonly inside?: InsideCalls;
}

/** What a run of calls needs. */
export interface RunPorts extends SchedulePorts {
  /** Finds the tools of calls the run makes by itself, of scorers and aggregators. Absent: it makes none. */
  readonly find?: FindTool;
  /** Where parts of the run are cancelled from. Absent: nowhere. */
  readonly control?: RunControl;
  /** Awaited: a slow reader slows the run, it never loses an event. */
  emit(event: RunEvent): Promise<void>;
}

/** Bounds of a chat run, from policy. */
export interface ChatBounds {
  readonly maxTurns: number;
  readonly maxCalls: number;
  readonly maxParallel: number;
  readonly deadlineMs: number;
  /** Caps on calls in flight at once. Absent: none. */
  readonly caps?: RunCaps;
  /** Whether calls that only read may start while the model is still writing. */
  readonly earlyStart: boolean;
  /** With more tools than this the model is offered a search among them. Absent: it sees them all. */
  readonly toolSearchAbove?: number;
}

/** What a chat run needs. */
export interface ChatPorts extends SchedulePorts {
  readonly tools: ToolBox;
  readonly turns: TurnStore;
  readonly results: KeptResults;
  /**
   * Keeps a turn until its calls are approved or denied; resolves once it is durable. Absent: nobody can be asked, so a
   * call that needs approval is an error result.
   */
  readonly holdTurn?: (turnId: string, turn: HeldTurn) => Promise<void>;
  /** The run core's own: calls of programs that run already. */
  readonly programs?: ProgramStarts;
  /** With what calls are started before the model asks for them. Absent: none are. */
  readonly speculation?: Speculation;
  /** An id such as `call_…` with fresh randomness. */
  newId(prefix: string): string;
  /**
   * Asks the model one turn. Resolves when the response headers are in; an error status is a failure. The iterable
   * ends after `finish` or `failed` and stops the request when it is left early or `signal` aborts.
   */
  askModel(
    body: JsonObject,
    signal: AbortSignal,
  ): Promise<Result<AsyncIterable<ModelEvent>, GatewayError>>;
  /** Told after each turn with gateway calls how the model's references to results went. */
  readonly onReferences?: (use: ReferenceUse) => void;
  /** Awaited: a slow reader slows the run, it never loses an event. */
  emit(event: ChatEvent): Promise<void>;
}

/** One chat run: the client's request, with what its headers chose. */
export interface ChatRun {
  readonly id: string;
  readonly request: ChatRequest;
  readonly bounds: ChatBounds;
  /**
   * For protocols with an item for each text and each call: says the gateway's calls, leaves the texts of two turns
   * apart, and ends with the conversation. Absent: one message.
   */
  readonly asItems?: true;
  /** When the run began, if that was in an earlier life of it; now when absent. */
  readonly startedAtMs?: number;
}
