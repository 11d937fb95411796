/**
 * Failures a caller may see, as data: a stable `code` and public-safe fields, never a stack, an upstream body, a header
 * or a secret. `edge/problem.ts` holds the one table from code to HTTP status and text.
 */

/** One refused place of a request body. */
export interface Violation {
  /** JSON pointer (RFC 6901) into the body, `""` for the whole. */
  readonly pointer: string;
  readonly message: string;
}

/** Every expected failure of a request. Causes go to the log, never in here. */
export type GatewayError =
  | { readonly code: "invalid_json"; readonly detail: string }
  | { readonly code: "body_too_large"; readonly maxBytes: number }
  | { readonly code: "unsupported_media_type" }
  /** The body's shape: wrong type, missing or unknown field. */
  | { readonly code: "validation_failed"; readonly violations: readonly Violation[] }
  /** The shape is right but the content cannot be done: unknown tool, arguments against the schema, above a ceiling. */
  | { readonly code: "unprocessable"; readonly violations: readonly Violation[] }
  | { readonly code: "unauthenticated" }
  | { readonly code: "insufficient_scope"; readonly scope: string }
  | { readonly code: "not_found" }
  | { readonly code: "method_not_allowed"; readonly allow: readonly string[] }
  | { readonly code: "model_not_found"; readonly model: string }
  | { readonly code: "idempotency_key_reused" }
  /** The run of this idempotency key was lost before it ended; whether its writes happened is not known. */
  | { readonly code: "run_interrupted"; readonly run: string }
  /** A `call_…` id of a mixed turn that is unknown or has expired. */
  | { readonly code: "turn_expired" }
  /** The response this one should go on from is unknown, another tenant's, or was not kept. */
  | { readonly code: "previous_response_not_found"; readonly id: string }
  /** A word on a held call that cannot be used; the call was not made. */
  | { readonly code: "approval_refused"; readonly reason: ApprovalRefusal }
  | { readonly code: "conflict"; readonly detail: string }
  | { readonly code: "gone" }
  /** A page of another site spoke to a route that is for programs. */
  | { readonly code: "origin_refused" }
  | { readonly code: "precondition_failed" }
  | { readonly code: "quota_exceeded"; readonly limit: string; readonly retryAfterMs: number }
  | { readonly code: "concurrency_exceeded"; readonly limit: string; readonly retryAfterMs: number }
  | { readonly code: "too_many_unknown_keys"; readonly retryAfterMs: number }
  | { readonly code: "cancelled" }
  | { readonly code: "deadline_exceeded" }
  /** `upstream`, here and below, is absent where nobody but the tenant's only model provider can be meant. */
  | { readonly code: "upstream_unreachable"; readonly upstream?: string }
  | { readonly code: "upstream_timeout"; readonly upstream?: string }
  | {
      readonly code: "upstream_invalid_response";
      readonly upstream?: string;
      /** The answer broke off; what came of it was fine. */
      readonly isUnfinished?: true;
    }
  /** The upstream answered with an error status. `upstreamCode` is its machine-readable code where it is a plain word. */
  | {
      readonly code: "upstream_rejected";
      readonly upstreamStatus: number;
      readonly upstreamCode: string | null;
      readonly retryAfterMs: number | null;
      readonly upstream?: string;
    }
  /** Every key the gateway has for the upstream was refused; none is tried again before then, or before it is replaced. */
  | {
      readonly code: "upstream_credentials_exhausted";
      readonly upstream: string;
      readonly retryAfterMs: number;
    }
  /** The upstream fails so much that it is not asked for the moment. */
  | { readonly code: "circuit_open"; readonly upstream: string; readonly retryAfterMs: number }
  /** The upstream has asked to be left alone until then. */
  | {
      readonly code: "upstream_rate_limited";
      readonly upstream: string;
      readonly retryAfterMs: number;
    }
  /** So many requests want the upstream that this one was turned away; nothing was sent. */
  | {
      readonly code: "upstream_overloaded";
      readonly upstream: string;
      readonly retryAfterMs: number;
    }
  | { readonly code: "egress_refused"; readonly detail: string }
  | { readonly code: "secret_unavailable"; readonly secret: string }
  | { readonly code: "unavailable"; readonly retryAfterMs: number }
  | { readonly code: "internal" };

/** Why a word on a held call cannot be used. */
export type ApprovalRefusal =
  | "unknown or expired"
  | "already used"
  | "for another tool or arguments";

/** The code alone; it never changes once published. */
export type ErrorCode = GatewayError["code"];
