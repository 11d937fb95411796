/** `POST /v1/bootstrap`: the deployment's first operator key, once. */

import { Hono } from "hono";

import { Bootstrap } from "../../contract/tenant.ts";
import { bootstrap as makeOperator } from "../../tenancy/operator.ts";
import { readBody } from "../body.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { refuse } from "../refuse.ts";

/** The route of the bootstrap. */
export const bootstrap = new Hono<EdgeEnv>().post("/", async (c) => {
  const body = await readBody(c.req.raw, Bootstrap);
  if (!body.ok) return refuse(c, body.error);
  const made = await makeOperator(c.env, body.value.secret, Date.now());
  return made.ok ? c.json(made.value, 201) : refuse(c, made.error);
});
