/** Who asks: the authenticated key, its tenant's snapshot and the request's own context, as runs need them. */

import type { Context } from "hono";

import { refreshMcpServers } from "../assembly/mcp-servers.ts";
import type { RunCaller } from "../assembly/start-run.ts";
import type { GatewayError } from "../contract/error.ts";
import { toHex, utf8 } from "../platform/encoding.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { loadSnapshot } from "../tenancy/snapshot.ts";
import type { EdgeEnv } from "./edge-env.ts";
import { callerLocale } from "./locale.ts";

/** An opaque id of the tenant's own. */
const SUBJECT = /^[A-Za-z0-9_.:@-]{1,128}$/;

/** Hexadecimal digits of a subject's hash: 64 bits tell the subjects of a tenant apart. */
const HASH_LENGTH = 16;

/** The caller of an authenticated tenant request. */
export async function loadCaller(c: Context<EdgeEnv>): Promise<Result<RunCaller, GatewayError>> {
  const { key, record } = c.var;
  const snapshot = await loadSnapshot(c.env, key, Date.now());
  if (!snapshot.ok) return snapshot;
  const subject = await subjectOf(c.req.header("x-gw-subject"));
  if (!subject.ok) return subject;
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
    subject: subject.value,
  });
}

/** The subject a request is about, named by an opaque id; what is kept of it is a hash. */
async function subjectOf(
  name: string | undefined,
): Promise<Result<RunCaller["subject"], GatewayError>> {
  if (name === undefined) return ok(null);
  if (!SUBJECT.test(name)) {
    const message = "x-gw-subject must be an id of 1 to 128 letters, digits and _ . : @ -";
    return fail({ code: "validation_failed", violations: [{ pointer: "", message }] });
  }
  const digest = await crypto.subtle.digest("SHA-256", utf8(name));
  return ok({ name, hash: toHex(new Uint8Array(digest)).slice(0, HASH_LENGTH) });
}
