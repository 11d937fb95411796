/** `/v1/keys`: the tenant's API keys. A key's text is in the answer that makes it and nowhere else. */

import { Hono } from "hono";

import { KeyCreate, KeyRotate } from "../../contract/key.ts";
import { createKey, listKeys, revokeKey, rotateKey } from "../../tenancy/keys.ts";
import { readBody } from "../body.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { readPageQuery } from "../paging.ts";
import { refuse } from "../refuse.ts";

/** Routes of keys. */
export const keys = new Hono<EdgeEnv>()
  .get("/", requireScope("GET", "/v1/keys"), async (c) => {
    const query = readPageQuery(c);
    if (!query.ok) return refuse(c, query.error);
    const page = await listKeys(c.env, c.var.key, query.value);
    return page.ok ? c.json(page.value) : refuse(c, page.error);
  })
  .post("/", requireScope("POST", "/v1/keys"), async (c) => {
    const body = await readBody(c.req.raw, KeyCreate);
    if (!body.ok) return refuse(c, body.error);
    const made = await createKey(c.env, { key: c.var.key }, body.value, Date.now());
    return made.ok ? c.json(made.value, 201) : refuse(c, made.error);
  })
  .post("/:id/rotate", requireScope("POST", "/v1/keys/:id/rotate"), async (c) => {
    const body = await readBody(c.req.raw, KeyRotate, { isOptional: true });
    if (!body.ok) return refuse(c, body.error);
    const { overlap_s: overlapS } = body.value;
    const principal = { key: c.var.key };
    const made = await rotateKey(c.env, principal, c.req.param("id"), overlapS, Date.now());
    return made.ok ? c.json(made.value, 201) : refuse(c, made.error);
  })
  .delete("/:id", requireScope("DELETE", "/v1/keys/:id"), async (c) => {
    const revoked = await revokeKey(c.env, { key: c.var.key }, c.req.param("id"), Date.now());
    return revoked.ok ? c.body(null, 204) : refuse(c, revoked.error);
  });
