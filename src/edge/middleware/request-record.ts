/**
 * The outermost step of every request: its id, its trace, the headers every answer carries, and its log line.
 *
 * `server-timing: gw;dur=` is the time this invocation took until the headers, less the time it waited for the run
 * itself. The clock stands still between I/O on the deployed platform, so computing alone is not in it there.
 */

import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";

import { newId } from "../../platform/id.ts";
import { logRequest, tenantPseudonym, type WriteLine } from "../../telemetry/log.ts";
import { traceContext } from "../../telemetry/trace-context.ts";
import type { EdgeEnv, RequestRecord } from "../edge-env.ts";
import { setRateHeaders } from "../rate-headers.ts";

/** Request ids of a client that are taken over as they are. */
const CLIENT_REQUEST_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Opens the request's record, and finishes the answer and the log. */
export function requestRecord(write: WriteLine): MiddlewareHandler<EdgeEnv> {
  return async (c, next) => {
    const record = openRecord(c, write);
    c.set("record", record);
    await next();
    finishHeaders(c.res.headers, record);
    if (!record.isStream) record.finish();
  };
}

function openRecord(c: Context<EdgeEnv>, write: WriteLine): RequestRecord {
  const clientId = c.req.header("x-request-id");
  const startedMs = Date.now();
  const record: RequestRecord = {
    id: clientId !== undefined && CLIENT_REQUEST_ID.test(clientId) ? clientId : newId("req"),
    trace: traceContext(c.req.header("traceparent") ?? null),
    startedMs,
    waitedMs: 0,
    tenantId: null,
    runId: null,
    code: null,
    rates: [],
    isStream: false,
    finish: () => c.executionCtx.waitUntil(writeLine(c, record, write)),
  };
  return record;
}

/** The pattern of the route that answered, or "none". */
export function routePattern(c: Context<EdgeEnv>): string {
  return matchedRoutes(c).findLast((route) => route.method !== "ALL")?.path ?? "none";
}

function finishHeaders(headers: Headers, record: RequestRecord): void {
  const gatewayMs = Math.max(0, Date.now() - record.startedMs - record.waitedMs);
  headers.set("x-request-id", record.id);
  headers.set("content-language", "en");
  headers.set("server-timing", `gw;dur=${String(gatewayMs)}`);
  headers.set("x-content-type-options", "nosniff");
  if (record.runId !== null) headers.set("x-gw-run", record.runId);
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  setRateHeaders(headers, record.rates);
}

async function writeLine(
  c: Context<EdgeEnv>,
  record: RequestRecord,
  write: WriteLine,
): Promise<void> {
  const { status } = c.res;
  const nowMs = Date.now();
  const tenant = record.tenantId === null ? null : await tenantPseudonym(record.tenantId, nowMs);
  const entry = {
    level: status >= 500 ? ("error" as const) : ("info" as const),
    request_id: record.id,
    run_id: record.runId,
    trace_id: record.trace.traceId,
    tenant,
    route: routePattern(c),
    method: c.req.method,
    status,
    code: record.code,
    duration_ms: nowMs - record.startedMs,
    region: c.env.REGION,
  };
  logRequest(entry, nowMs, write);
}
