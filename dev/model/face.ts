/** The protocols the scripted model speaks: each reads its own requests and writes the same turn in its own words. */

import type { ModelRequest } from "./request.ts";
import type { Step } from "./wire.ts";
import type { Turn } from "./turn.ts";

/** What a protocol refuses before a turn is planned. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** One protocol. */
export interface Face {
  readonly path: string;
  /** The request as the model reads it, or why it is refused. */
  readonly read: (body: string) => ModelRequest | Refusal;
  /** The whole answer as one body, and the tokens it took. */
  readonly whole: (request: ModelRequest, turn: Turn) => { body: unknown; tokens: number };
  /** The answer as the steps of a stream. */
  readonly steps: (request: ModelRequest, turn: Turn) => Step[];
  /** Written after the last step. */
  readonly ending: string;
  /** The envelope of an error. */
  readonly error: (refusal: Refusal) => unknown;
}

/** True for a request that was refused. */
export function isRefusal(read: ModelRequest | Refusal): read is Refusal {
  return "status" in read;
}
