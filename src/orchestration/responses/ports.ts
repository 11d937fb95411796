/** What a response's run needs besides what a chat run needs: where responses and held turns are kept. */

import type { HeldTurn } from "../../contract/gateway-call.ts";
import type { ResponseRequest, ResponseRunEvent, StoredResponse } from "../../contract/response.ts";
import type { Json } from "../../platform/canonical-json.ts";
import type { ChatBounds, ChatPorts } from "../ports.ts";

/** Keeps responses of one tenant. */
export interface ResponseStore {
  /** Resolves true once it is durable, false when it is larger than may be kept. */
  save(id: string, stored: StoredResponse): Promise<boolean>;
  /** The response, or null when it is unknown, another tenant's, deleted or expired. */
  load(id: string): Promise<StoredResponse | null>;
}

/** A held turn with what has become of its calls since. */
export interface OpenTurn {
  readonly turn: HeldTurn;
  /** Calls somebody has already spoken for, by the model's id: no second word counts. */
  readonly claimed: ReadonlySet<string>;
}

/** Keeps turns that wait for approval, for one tenant and one key. */
export interface ApprovalStore {
  /** Resolves once the turn is durable. */
  hold(turnId: string, turn: HeldTurn): Promise<void>;
  /** The turn, or null when it is unknown, another tenant's or key's, or expired. */
  load(turnId: string): Promise<OpenTurn | null>;
  /** Takes these calls for whoever asks first; false, and none taken, when one was taken before. */
  claim(turnId: string, callIds: readonly string[]): Promise<boolean>;
  /** Keeps what the model reads of these calls and answers the turn as it is then. */
  settle(turnId: string, contents: ReadonlyMap<string, Json>): Promise<OpenTurn | null>;
}

/** What the run of a response needs. */
export interface ResponsePorts extends Omit<ChatPorts, "emit" | "holdTurn"> {
  readonly responses: ResponseStore;
  readonly approvals: ApprovalStore;
  /** Seconds since the epoch. */
  nowS(): number;
  /** Awaited: a slow reader slows the run, it never loses an event. */
  emit(event: ResponseRunEvent): Promise<void>;
}

/** One response to make. */
export interface ResponseRun {
  /** `resp_…`. */
  readonly id: string;
  /** The run's id, `run_…`. */
  readonly runId: string;
  readonly request: ResponseRequest;
  readonly bounds: ChatBounds;
  /** Seconds since the epoch. */
  readonly createdAtS: number;
  /** When the run began, if that was in an earlier life of it; now when absent. */
  readonly startedAtMs?: number;
}
