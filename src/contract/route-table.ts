/**
 * Every route of the gateway: who may use it, what it takes and what it does. `/openapi.json` and the list of allowed
 * methods come from here, and a test compares this table with the routes really served.
 */

import { CacheInvalidate } from "./cache.ts";
import { BreakerForce } from "./breaker.ts";
import { KeyCreate, KeyRotate, type Scope } from "./key.ts";
import { MCP_ROUTES } from "./mcp-routes.ts";
import { MODEL_ROUTES } from "./model-routes.ts";
import type { Schema } from "./parse.ts";
import { PASS_THROUGH_ROUTES } from "./pass-through.ts";
import { Policy, PolicyRollback } from "./policy.ts";
import { RUN_ROUTES } from "./run-routes.ts";
import { SecretPut } from "./secret.ts";
import { Bootstrap } from "./tenant.ts";
import { TENANT_ROUTES } from "./tenant-routes.ts";
import { ToolDefinition } from "./tool.ts";
import { Upstream } from "./upstream.ts";

/** HTTP methods the gateway answers. */
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One route. */
export interface RouteEntry {
  readonly method: Method;
  /** Path with parameters as `:name`. */
  readonly path: string;
  /** Scopes of which the key needs one; empty: no key at all. */
  readonly scopes: readonly Scope[];
  /** Status of success. */
  readonly status: number;
  /** Schema of the body, under the name it has in `/openapi.json`. */
  readonly body?: {
    readonly name: string;
    readonly schema: Schema<unknown>;
    readonly isPatch?: true;
  };
  /** Takes `?limit` and `?after`. */
  readonly isList?: true;
}

/** Tenant routes an administrator's key may always use. */
const ADMIN: readonly Scope[] = ["tenant:admin"];
const READ_TOOLS: readonly Scope[] = ["tools:read", "tools:write", "tenant:admin"];
const WRITE_TOOLS: readonly Scope[] = ["tools:write", "tenant:admin"];
const RUN: readonly Scope[] = ["run"];
const ANYBODY: readonly Scope[] = [];

/** Every route. */
export const ROUTE_TABLE: readonly RouteEntry[] = [
  {
    method: "POST",
    path: "/v1/bootstrap",
    scopes: ANYBODY,
    status: 201,
    body: { name: "Bootstrap", schema: Bootstrap },
  },
  ...TENANT_ROUTES,
  {
    method: "GET",
    path: "/v1/keys",
    scopes: ADMIN,
    status: 200,
    isList: true,
  },
  {
    method: "POST",
    path: "/v1/keys",
    scopes: ADMIN,
    status: 201,
    body: { name: "KeyCreate", schema: KeyCreate },
  },
  {
    method: "POST",
    path: "/v1/keys/:id/rotate",
    scopes: ADMIN,
    status: 201,
    body: { name: "KeyRotate", schema: KeyRotate },
  },
  {
    method: "DELETE",
    path: "/v1/keys/:id",
    scopes: ADMIN,
    status: 204,
  },
  { method: "GET", path: "/v1/policy", scopes: ADMIN, status: 200 },
  {
    method: "PATCH",
    path: "/v1/policy",
    scopes: ADMIN,
    status: 200,
    body: { name: "Policy", schema: Policy, isPatch: true },
  },
  {
    method: "GET",
    path: "/v1/policy/versions",
    scopes: ADMIN,
    status: 200,
    isList: true,
  },
  {
    method: "POST",
    path: "/v1/policy/rollback",
    scopes: ADMIN,
    status: 200,
    body: { name: "PolicyRollback", schema: PolicyRollback },
  },
  {
    method: "GET",
    path: "/v1/tools",
    scopes: READ_TOOLS,
    status: 200,
    isList: true,
  },
  {
    method: "GET",
    path: "/v1/tools/:name",
    scopes: READ_TOOLS,
    status: 200,
  },
  {
    method: "PUT",
    path: "/v1/tools/:name",
    scopes: WRITE_TOOLS,
    status: 200,
    body: { name: "ToolDefinition", schema: ToolDefinition },
  },
  {
    method: "DELETE",
    path: "/v1/tools/:name",
    scopes: WRITE_TOOLS,
    status: 204,
  },
  ...MCP_ROUTES,
  {
    method: "GET",
    path: "/v1/upstreams",
    scopes: ADMIN,
    status: 200,
    isList: true,
  },
  {
    method: "GET",
    path: "/v1/upstreams/:name",
    scopes: ADMIN,
    status: 200,
  },
  {
    method: "PUT",
    path: "/v1/upstreams/:name",
    scopes: ADMIN,
    status: 200,
    body: { name: "Upstream", schema: Upstream },
  },
  {
    method: "DELETE",
    path: "/v1/upstreams/:name",
    scopes: ADMIN,
    status: 204,
  },
  {
    method: "GET",
    path: "/v1/secrets",
    scopes: ADMIN,
    status: 200,
    isList: true,
  },
  {
    method: "PUT",
    path: "/v1/secrets/:name",
    scopes: ADMIN,
    status: 200,
    body: { name: "SecretPut", schema: SecretPut },
  },
  {
    method: "DELETE",
    path: "/v1/secrets/:name",
    scopes: ADMIN,
    status: 204,
  },
  {
    method: "POST",
    path: "/v1/cache/invalidate",
    scopes: WRITE_TOOLS,
    status: 200,
    body: { name: "CacheInvalidate", schema: CacheInvalidate },
  },
  {
    method: "GET",
    path: "/v1/breakers",
    scopes: ADMIN,
    status: 200,
  },
  {
    method: "POST",
    path: "/v1/breakers/:upstream",
    scopes: ADMIN,
    status: 200,
    body: { name: "BreakerForce", schema: BreakerForce },
  },
  ...RUN_ROUTES,
  {
    method: "GET",
    path: "/v1/results/:handle",
    scopes: RUN,
    status: 200,
  },
  ...MODEL_ROUTES,
  ...PASS_THROUGH_ROUTES,
  {
    method: "GET",
    path: "/v1/limits",
    scopes: ["run", "usage:read", "tenant:admin"],
    status: 200,
  },
  {
    method: "GET",
    path: "/v1/models",
    scopes: ["run", "tools:read", "tenant:admin"],
    status: 200,
  },
  ...["/healthz", "/health"].map((path) => open(path)),
  ...["/readyz", "/ready"].map((path) => open(path)),
  ...["/startupz", "/startup"].map((path) => open(path)),
  open("/openapi.json"),
  open("/docs"),
  open("/.well-known/security.txt"),
];

function open(path: string): RouteEntry {
  return { method: "GET", path, scopes: ANYBODY, status: 200 };
}
