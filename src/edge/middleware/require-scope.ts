/**
 * Authentication: the request's key, which must have one of the scopes its route names.
 *
 * The scopes come from the route table, so what `/openapi.json` says is what is enforced. A key of the wrong kind
 * (an operator's at a tenant's route, or the other way round) simply lacks the scope.
 */

import type { MiddlewareHandler } from "hono";

import { ROUTE_TABLE, type Method } from "../../contract/route-table.ts";
import { authenticate } from "../../tenancy/authenticate.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { refuse } from "../refuse.ts";

/** Lets a request through whose key may use this route of the table. */
export function requireScope(method: Method, path: string): MiddlewareHandler<EdgeEnv> {
  const scopes = ROUTE_TABLE.find(
    (route) => route.method === method && route.path === path,
  )?.scopes;
  const [named] = scopes ?? [];
  if (scopes === undefined || named === undefined)
    throw new Error(`${method} ${path} has no scope`);
  return async (c, next) => {
    const address = c.req.header("cf-connecting-ip") ?? "unknown";
    const authorization = c.req.header("authorization") ?? bearerOf(c.req.header("x-api-key"));
    const key = await authenticate(c.env, authorization, address, Date.now());
    if (!key.ok) return refuse(c, key.error);
    if (!key.value.scopes.some((scope) => scopes.includes(scope))) {
      return refuse(c, { code: "insufficient_scope", scope: named });
    }
    c.var.record.tenantId = key.value.tenantId;
    c.set("key", key.value);
    return next();
  };
}

/** Anthropic's clients send their key in a header of its own. */
function bearerOf(apiKey: string | undefined): string | null {
  return apiKey === undefined ? null : `Bearer ${apiKey}`;
}
