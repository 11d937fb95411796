/**
 * The request log: one JSON line a request, made of allow-listed fields only.
 *
 * Bodies, headers, keys, paths and query strings have no field here, so they cannot be logged by accident. The tenant is
 * a pseudonym: enough to group lines, useless without the tenant's id.
 */

import { BoundedMap } from "../platform/bounded-map.ts";
import { toHex, utf8 } from "../platform/encoding.ts";

/** Everything a request's line may say. */
export interface RequestLog {
  readonly level: "info" | "warn" | "error";
  readonly request_id: string;
  readonly run_id: string | null;
  readonly trace_id: string;
  /** From `tenantPseudonym`. */
  readonly tenant: string | null;
  /** The pattern that matched, such as `/v1/tools/:name`; never the path itself. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  /** The error's code, null when the request succeeded. */
  readonly code: string | null;
  readonly duration_ms: number;
  readonly region: string;
}

/** Takes a finished line; the console in production. */
export type WriteLine = (line: string) => void;

/** Writes one request's line. Fields are copied one by one, so nothing else an object carries gets out. */
export function logRequest(entry: RequestLog, nowMs: number, write: WriteLine): void {
  write(
    JSON.stringify({
      time: new Date(nowMs).toISOString(),
      level: entry.level,
      request_id: entry.request_id,
      run_id: entry.run_id,
      trace_id: entry.trace_id,
      tenant: entry.tenant,
      route: entry.route,
      method: entry.method,
      status: entry.status,
      code: entry.code,
      duration_ms: entry.duration_ms,
      region: entry.region,
    }),
  );
}

/** What is logged of a bug: its class and where it happened, not its message, which may quote a body. */
export interface FaultLog {
  readonly request_id: string;
  readonly trace_id: string;
  readonly route: string;
  readonly region: string;
}

/** Frames of a stack that are logged. */
const MAX_STACK_FRAMES = 12;

/** Writes one line for an unexpected throw, beside the request's own line. */
export function logFault(entry: FaultLog, fault: Error, nowMs: number, write: WriteLine): void {
  write(
    JSON.stringify({
      time: new Date(nowMs).toISOString(),
      level: "error",
      request_id: entry.request_id,
      trace_id: entry.trace_id,
      route: entry.route,
      region: entry.region,
      fault: fault.name,
      stack: stackFrames(fault),
    }),
  );
}

/** Which dependencies answered the scheduled check. */
export interface HealthLog {
  readonly region: string;
  readonly objects: boolean;
  readonly kv: boolean;
}

/** Writes one line for a scheduled check that found something missing. */
export function logHealth(entry: HealthLog, nowMs: number, write: WriteLine): void {
  const { region, objects, kv } = entry;
  const time = new Date(nowMs).toISOString();
  write(JSON.stringify({ time, level: "error", check: "health", region, objects, kv }));
}

/** Hex digits of a tenant's pseudonym. */
const PSEUDONYM_LENGTH = 16;

/** Isolate cache: it saves a digest a request. */
const MAX_PSEUDONYMS = 4096;
const PSEUDONYM_KEPT_MS = 600_000;
const pseudonyms = new BoundedMap<string, string>(MAX_PSEUDONYMS);

/** The first 64 bits of SHA-256 over the tenant's id, which is 130 random bits and so cannot be guessed back. */
export async function tenantPseudonym(tenantId: string, nowMs: number): Promise<string> {
  const known = pseudonyms.get(tenantId, nowMs);
  if (known !== undefined) return known;
  const digest = await crypto.subtle.digest("SHA-256", utf8(`tenant:${tenantId}`));
  const pseudonym = toHex(new Uint8Array(digest)).slice(0, PSEUDONYM_LENGTH);
  pseudonyms.set(tenantId, pseudonym, nowMs + PSEUDONYM_KEPT_MS);
  return pseudonym;
}

/** Only the frames: the first lines of a stack repeat the message, which may have any number of lines. */
function stackFrames(fault: Error): string[] {
  return (fault.stack ?? "")
    .replace(fault.message, "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^at .*:\d+:\d+\)?$/.test(line))
    .slice(0, MAX_STACK_FRAMES);
}
