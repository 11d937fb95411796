/** `/v1/secrets`: values go in and never come out. */

import { Hono } from "hono";

import { ResourceName } from "../../contract/names.ts";
import { SecretPut } from "../../contract/secret.ts";
import { deleteSecret, listSecrets, putSecret } from "../../tenancy/resources.ts";
import { readBody } from "../body.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { readPageQuery } from "../paging.ts";
import { refuse } from "../refuse.ts";
import { readName, readNewName } from "../resource-name.ts";

/** Routes of secrets. */
export const secrets = new Hono<EdgeEnv>()
  .get("/", requireScope("GET", "/v1/secrets"), async (c) => {
    const query = readPageQuery(c);
    if (!query.ok) return refuse(c, query.error);
    const page = await listSecrets(c.env, c.var.key, query.value);
    return page.ok ? c.json(page.value) : refuse(c, page.error);
  })
  .put("/:name", requireScope("PUT", "/v1/secrets/:name"), async (c) => {
    const name = readNewName(c, ResourceName);
    if (!name.ok) return refuse(c, name.error);
    const body = await readBody(c.req.raw, SecretPut);
    if (!body.ok) return refuse(c, body.error);
    const written = await putSecret(c.env, c.var.key, name.value, body.value);
    if (!written.ok) return refuse(c, written.error);
    return c.json(written.value.value, written.value.created ? 201 : 200);
  })
  .delete("/:name", requireScope("DELETE", "/v1/secrets/:name"), async (c) => {
    const name = readName(c, ResourceName);
    if (!name.ok) return refuse(c, name.error);
    const deleted = await deleteSecret(c.env, c.var.key, name.value);
    return deleted.ok ? c.body(null, 204) : refuse(c, deleted.error);
  });
