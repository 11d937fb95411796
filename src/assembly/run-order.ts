/** Orders: plain data that says everything about a run, so it can be carried out here, in a `RunJournal`, or there again. */

import type { ChatRequest } from "../contract/chat.ts";
import type { ResponseRequest } from "../contract/response.ts";
import type { RunRequest } from "../contract/run.ts";
import type { BranchPlan } from "../orchestration/branches/plan-branches.ts";
import type { PlannedCall } from "../orchestration/ports.ts";
import type { RunContext } from "./run-context.ts";

/** Which of the tenant's tools a chat offers to the model. */
export type OfferedTools = "all" | "none" | readonly string[];

/** A run of ready calls. They are planned (tools known, arguments valid) before the order is made. */
export interface CallsOrder {
  readonly kind: "run";
  readonly context: RunContext;
  /** Hash of what the client asked for; the same key with another hash is refused. */
  readonly bodyHash: string;
  readonly request: RunRequest;
  readonly calls: readonly PlannedCall[];
  readonly branches: BranchPlan;
  readonly stored?: StoredOrder;
}

/** A chat run. */
export interface ChatOrder {
  readonly kind: "chat";
  readonly context: RunContext;
  readonly bodyHash: string;
  readonly request: ChatRequest;
  readonly tools: OfferedTools;
  /** Adds to the summary where the request went. */
  readonly isDebug: boolean;
  /** The run says the gateway's calls too; see `ChatRun`. */
  readonly asItems?: true;
  readonly stored?: StoredOrder;
}

/** Of a run that is kept whatever becomes of it, and not only so that its key finds it again. */
export interface StoredOrder {
  /** Gives back the run's permit when it ends; null when the request that asked for it does. */
  readonly permit: string | null;
}

/** The run of a response. */
export interface ResponseOrder {
  readonly kind: "response";
  readonly context: RunContext;
  readonly bodyHash: string;
  readonly request: ResponseRequest;
  readonly tools: OfferedTools;
  /** The key that asks: approvals are good for no other. */
  readonly keyId: string;
  /** Seconds since the epoch. */
  readonly createdAtS: number;
  readonly stored?: StoredOrder;
}

/** Plain data that says everything about a run. */
export type RunOrder = CallsOrder | ChatOrder | ResponseOrder;
