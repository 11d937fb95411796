/** The operator's routes to tenants; part of the route table. */

import type { Scope } from "./key.ts";
import type { RouteEntry } from "./route-table.ts";
import { TenantCreate, TenantPatch } from "./tenant.ts";

const OPERATOR: readonly Scope[] = ["operator"];

/** Routes under `/v1/tenants`. */
export const TENANT_ROUTES: readonly RouteEntry[] = [
  {
    method: "GET",
    path: "/v1/tenants",
    scopes: OPERATOR,
    status: 200,
    summary: "Lists tenants.",
    isList: true,
  },
  {
    method: "POST",
    path: "/v1/tenants",
    scopes: OPERATOR,
    status: 201,
    summary: "Creates a tenant in its jurisdiction; its first key is shown once.",
    body: { name: "TenantCreate", schema: TenantCreate },
  },
  {
    method: "GET",
    path: "/v1/tenants/:id",
    scopes: OPERATOR,
    status: 200,
    summary: "Reads a tenant.",
  },
  {
    method: "PATCH",
    path: "/v1/tenants/:id",
    scopes: OPERATOR,
    status: 200,
    summary: "Changes a tenant's name, region hint or ceiling.",
    body: { name: "TenantPatch", schema: TenantPatch },
  },
  {
    method: "DELETE",
    path: "/v1/tenants/:id",
    scopes: OPERATOR,
    status: 200,
    summary: "Erases everything of a tenant and answers a receipt.",
  },
];
