/** Bugs and platform faults: logged by class and place, answered as `internal`, never shown. */

import type { Context } from "hono";

import { logFault } from "../telemetry/log.ts";
import type { EdgeEnv } from "./edge-env.ts";
import { routePattern } from "./middleware/request-record.ts";

/** Logs what was thrown and notes `internal` for the request's own line. */
export function reportFault(c: Context<EdgeEnv>, fault: unknown): void {
  const { record } = c.var;
  record.code = "internal";
  const entry = {
    request_id: record.id,
    trace_id: record.trace.traceId,
    route: routePattern(c),
    region: c.env.REGION,
  };
  const error = fault instanceof Error ? fault : new Error("thrown value");
  logFault(entry, error, Date.now(), console.error);
}
