/** `/v1/tenants`: the operator's tenants. */

import { Hono } from "hono";

import { forgetResults } from "../../assembly/result-layers.ts";
import { TenantCreate, TenantPatch } from "../../contract/tenant.ts";
import {
  createTenant,
  deleteTenant,
  listTenants,
  patchTenant,
  readTenant,
} from "../../tenancy/tenants.ts";
import { readBody } from "../body.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { readPageQuery } from "../paging.ts";
import { refuse } from "../refuse.ts";

/** Routes of tenants. */
export const tenants = new Hono<EdgeEnv>()
  .get("/", requireScope("GET", "/v1/tenants"), async (c) => {
    const query = readPageQuery(c);
    if (!query.ok) return refuse(c, query.error);
    return c.json(await listTenants(c.env, query.value));
  })
  .post("/", requireScope("POST", "/v1/tenants"), async (c) => {
    const body = await readBody(c.req.raw, TenantCreate);
    if (!body.ok) return refuse(c, body.error);
    return c.json(await createTenant(c.env, body.value, Date.now()), 201);
  })
  .get("/:id", requireScope("GET", "/v1/tenants/:id"), async (c) => {
    const tenant = await readTenant(c.env, c.req.param("id"));
    return tenant.ok ? c.json(tenant.value) : refuse(c, tenant.error);
  })
  .patch("/:id", requireScope("PATCH", "/v1/tenants/:id"), async (c) => {
    const body = await readBody(c.req.raw, TenantPatch);
    if (!body.ok) return refuse(c, body.error);
    const tenant = await patchTenant(c.env, c.req.param("id"), body.value);
    return tenant.ok ? c.json(tenant.value) : refuse(c, tenant.error);
  })
  .delete("/:id", requireScope("DELETE", "/v1/tenants/:id"), async (c) => {
    const receipt = await deleteTenant(c.env, c.req.param("id"), Date.now());
    forgetResults(c.req.param("id"));
    return receipt.ok ? c.json(receipt.value) : refuse(c, receipt.error);
  });
