/** `/v1/breakers`: how the tenant's upstreams stand, and a way to overrule it. */

import { Hono } from "hono";

import { BreakerForce } from "../../contract/breaker.ts";
import { forceBreaker, listBreakers } from "../../tenancy/breakers.ts";
import { readBody } from "../body.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { refuse } from "../refuse.ts";

/** Routes of breakers. */
export const breakers = new Hono<EdgeEnv>()
  .get("/", requireScope("GET", "/v1/breakers"), async (c) => {
    const listed = await listBreakers(c.env, c.var.key);
    return listed.ok ? c.json({ data: listed.value }) : refuse(c, listed.error);
  })
  .post("/:upstream", requireScope("POST", "/v1/breakers/:upstream"), async (c) => {
    const body = await readBody(c.req.raw, BreakerForce);
    if (!body.ok) return refuse(c, body.error);
    const forced = await forceBreaker(c.env, c.var.key, c.req.param("upstream"), body.value);
    return forced.ok ? c.json({ data: forced.value }) : refuse(c, forced.error);
  });
