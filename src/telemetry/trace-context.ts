/**
 * W3C Trace Context: the caller's `traceparent` where it is well formed, a new one otherwise.
 *
 * A malformed header is not an error of the request; it starts a new trace (W3C Trace Context, §3.2.2.3).
 */

import { randomHex } from "../platform/id.ts";

/** A trace this request belongs to. */
export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** The header to send on. */
  readonly traceparent: string;
}

/** version - trace id - parent id - flags; version ff is forbidden, later versions may carry more fields. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Longest header read; the present version has 55 characters. */
const MAX_TRACEPARENT_LENGTH = 512;

/** The trace of a request with this `traceparent` header (null when it sent none). */
export function traceContext(header: string | null): TraceContext {
  const parts =
    header === null || header.length > MAX_TRACEPARENT_LENGTH ? null : TRACEPARENT.exec(header);
  const [, version, traceId, parentId, flags, rest] = parts ?? [];
  const isKnown =
    traceId !== undefined &&
    parentId !== undefined &&
    flags !== undefined &&
    !/^0+$/.test(traceId) &&
    !/^0+$/.test(parentId) &&
    !(version === "00" && rest !== undefined);
  return isKnown ? { traceId, traceparent: `00-${traceId}-${parentId}-${flags}` } : newTrace();
}

function newTrace(): TraceContext {
  const traceId = randomHex(16);
  return { traceId, traceparent: `00-${traceId}-${randomHex(8)}-00` };
}
