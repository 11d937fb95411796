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
    isList: true,
  },
  {
    method: "POST",
    path: "/v1/tenants",
    scopes: OPERATOR,
    status: 201,
    body: { name: "TenantCreate", schema: TenantCreate },
  },
  {
    method: "GET",
    path: "/v1/tenants/:id",
    scopes: OPERATOR,
    status: 200,
  },
  {
    method: "PATCH",
    path: "/v1/tenants/:id",
    scopes: OPERATOR,
    status: 200,
    body: { name: "TenantPatch", schema: TenantPatch },
  },
  {
    method: "DELETE",
    path: "/v1/tenants/:id",
    scopes: OPERATOR,
    status: 200,
  },
];
