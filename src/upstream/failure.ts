/**
 * Every way a request to a tool server can fail, as data.
 *
 * The class is decided by where it happened and by status, never by the prose of an exception, because the runtime's
 * texts change. Each failure says whether the request may have reached the upstream: only a request that provably never
 * left may be treated as if it had not happened, so everything after `fetch` was called counts as sent.
 */

/** Why no usable answer came back. `reason` is public-safe: it names a rule, never an upstream's bytes or a header. */
export type UpstreamFailure =
  /** The egress guard refused the URL. */
  | { readonly kind: "egress_refused"; readonly reason: string; readonly sent: false }
  /** A header or the method may not be sent. */
  | { readonly kind: "request_refused"; readonly reason: string; readonly sent: false }
  /** No connection, or it broke before the answer was complete. */
  | { readonly kind: "unreachable"; readonly sent: true }
  /** The caller's signal aborted; `sent` is false when it had aborted before the request was made. */
  | { readonly kind: "cancelled"; readonly sent: boolean }
  /** A redirect to another origin, to a place the guard refuses, in a loop, or one that would repeat a body. */
  | {
      readonly kind: "redirect_refused";
      readonly reason: string;
      readonly status: number;
      readonly sent: true;
    }
  /** The decoded body is longer than the caller allows; reading stopped there. */
  | { readonly kind: "too_large"; readonly maxBytes: number; readonly sent: true }
  /** Not UTF-8, or coded in a way the runtime does not decode. */
  | {
      readonly kind: "invalid_response";
      readonly reason: string;
      readonly status: number;
      readonly sent: true;
    };
