/** Lists: `?limit` and `?after` in, `{data, has_more, next}` out. */

import type { Context } from "hono";

import type { GatewayError } from "../contract/error.ts";
import { DEFAULT_PAGE_LIMIT, MAX_PAGE_LIMIT, type PageQuery } from "../contract/page.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import type { EdgeEnv } from "./edge-env.ts";

/** Longest cursor; every id and name is shorter. */
const MAX_CURSOR_LENGTH = 128;

/** The page a request asks for. */
export function readPageQuery(c: Context<EdgeEnv>): Result<PageQuery, GatewayError> {
  const { limit = String(DEFAULT_PAGE_LIMIT), after = "" } = c.req.query();
  const violations = [];
  const size = /^\d{1,3}$/.test(limit) ? Number(limit) : 0;
  if (size < 1 || size > MAX_PAGE_LIMIT) {
    violations.push({ pointer: "/limit", message: `Must be 1 to ${String(MAX_PAGE_LIMIT)}.` });
  }
  if (after.length > MAX_CURSOR_LENGTH) {
    violations.push({ pointer: "/after", message: "Is not a cursor of this list." });
  }
  if (violations.length > 0) return fail({ code: "validation_failed", violations });
  return ok({ after: after === "" ? null : after, limit: size });
}
