/**
 * Result: an expected failure as a value.
 *
 * Anything a caller should plan for (quota, deadline, bad arguments, upstream 5xx) is a `Result`; exceptions are for
 * bugs and platform faults only, because error classes do not survive Durable Object RPC and prose is not control flow.
 */

/** Either a value or a failure; plain data, so it crosses RPC unchanged. */
export type Result<T, E> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

/** A success carrying `value`. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** A failure carrying `error`. */
export function fail<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}
