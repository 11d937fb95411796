/**
 * What a run says about the gateway's own calls, for protocols that show every call as an item (`/v1/responses`) or hold
 * a turn until somebody approves of a call. Never on the wire of chat completions, where those calls stay hidden.
 */

import type { Json, JsonObject } from "../platform/canonical-json.ts";
import type { CallError, CallProgress, CallStatus } from "./run.ts";

/** One step of one gateway call; only a run of items says them. */
export type GatewayCallEvent =
  /** The model made it and it will be carried out or refused; said in the model's order. */
  | {
      readonly type: "gateway_call";
      /** The model's id, unique in the run. */
      readonly id: string;
      /** The tenant's name of the tool, or what the model wrote when there is no such tool. */
      readonly name: string;
      readonly argumentsJson: string;
      /** The request somebody said yes to, for a call that was held. */
      readonly approvalId?: string;
    }
  | {
      readonly type: "gateway_call_progress";
      readonly id: string;
      readonly progress: CallProgress;
    }
  | {
      readonly type: "gateway_call_ended";
      readonly id: string;
      readonly status: CallStatus;
      readonly outputJson: string | null;
      readonly error: CallError | null;
    }
  /** The call waits for somebody's word; the run ends after those that need none. */
  | {
      readonly type: "approval_request";
      readonly approvalId: string;
      readonly name: string;
      readonly argumentsJson: string;
    };

/** A call that waits for approval, as the model made it. */
export interface HeldCall {
  readonly approvalId: string;
  readonly wireName: string;
  /** The tenant's name of the tool. */
  readonly tool: string;
  readonly argumentsJson: string;
  /** Version of the tool's definition when the approval was asked for; a yes holds for no other. */
  readonly toolVersion: number;
}

/** A turn that cannot go on before somebody has answered for its held calls. */
export interface HeldTurn {
  /** The conversation before the turn, in the chat form. */
  readonly messages: readonly JsonObject[];
  /** The turn as the model made it, with all its calls. */
  readonly assistant: JsonObject;
  /** All calls of the turn in the model's order. */
  readonly calls: readonly {
    readonly id: string;
    /** The id the client saw when the call is its own, else null. */
    readonly clientId: string | null;
    /** Null when the call needed no approval. */
    readonly held: HeldCall | null;
    /** What the model reads of it, or null as long as it is open. */
    readonly content: Json | null;
  }[];
}

/** Where a run left its conversation, so that another can go on from there. */
export interface Conversation {
  /** Everything the model has seen and said, in the chat form; without the open turn when one is held. */
  readonly messages: readonly JsonObject[];
  /** The model's ids of the client's own open calls, by the ids the client saw. */
  readonly clientIds: Readonly<Record<string, string>>;
  /** The turn that waits for approvals, or null. */
  readonly heldTurn: string | null;
}
