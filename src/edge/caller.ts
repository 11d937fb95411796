/** Who asks: the authenticated key, its tenant's snapshot and the request's own context, as runs need them. */

import type { Context } from "hono";

import { refreshMcpServers } from "../assembly/mcp-servers.ts";
import type { RunCaller } from "../assembly/start-run.ts";
import type { GatewayError } from "../contract/error.ts";
import { ok, type Result } from "../platform/result.ts";
import { loadSnapshot } from "../tenancy/snapshot.ts";
import type { EdgeEnv } from "./edge-env.ts";
import { callerLocale } from "./locale.ts";

/** The caller of an authenticated tenant request. */
export async function loadCaller(c: Context<EdgeEnv>): Promise<Result<RunCaller, GatewayError>> {
  const { key, record } = c.var;
  const snapshot = await loadSnapshot(c.env, key, Date.now());
  if (!snapshot.ok) return snapshot;
  refreshMcpServers(c.env, snapshot.value, (work) => c.executionCtx.waitUntil(work));
  return ok({
    snapshot: snapshot.value,
    key,
    locale: callerLocale(
      c.req.header("accept-language"),
      c.req.query("lang"),
      snapshot.value.policy.locale,
    ),
    traceparent: record.trace.traceparent,
  });
}
