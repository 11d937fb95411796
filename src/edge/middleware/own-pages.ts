/**
 * OwnPages: which pages may speak to a route for programs: none but the gateway's own. A browser names its page in `Origin`, so another site, or
 * a name that was bent to this address (DNS rebinding), is told apart; clients that are no browsers send none.
 */

import type { MiddlewareHandler } from "hono";

import type { EdgeEnv } from "../edge-env.ts";
import { refuse } from "../refuse.ts";

/** Refuses pages of other sites. */
export function ownPagesOnly(): MiddlewareHandler<EdgeEnv> {
  return async (c, next) =>
    isAllowedOrigin(c.req.raw, c.env.ALLOW_LOOPBACK === "true")
      ? next()
      : refuse(c, { code: "origin_refused" });
}

/** True when the request comes from where it may. In development it must also be meant for this machine. */
function isAllowedOrigin(request: Request, isDevelopment: boolean): boolean {
  const { hostname } = new URL(request.url);
  if (isDevelopment && !isLoopback(hostname)) return false;
  const origin = request.headers.get("origin");
  if (origin === null) return true;
  const from = URL.parse(origin)?.hostname;
  return from !== undefined && (from === hostname || (isDevelopment && isLoopback(from)));
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
