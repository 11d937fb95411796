/** `/v1/cache`: makes kept results of the tenant's tools disappear. */

import { Hono } from "hono";

import { invalidateCache } from "../../assembly/invalidate-cache.ts";
import { CacheInvalidate } from "../../contract/cache.ts";
import { readBody } from "../body.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { refuse } from "../refuse.ts";

/** Routes of the cache. */
export const cache = new Hono<EdgeEnv>().post(
  "/invalidate",
  requireScope("POST", "/v1/cache/invalidate"),
  async (c) => {
    const body = await readBody(c.req.raw, CacheInvalidate);
    if (!body.ok) return refuse(c, body.error);
    const done = await invalidateCache(c.env, c.var.key, body.value);
    return done.ok ? c.json(done.value) : refuse(c, done.error);
  },
);
