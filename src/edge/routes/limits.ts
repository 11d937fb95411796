/** `GET /v1/limits`: how every limit of the tenant stands for this key. */

import { Hono } from "hono";

import { callerOf } from "../../assembly/run-context.ts";
import { viewLimits } from "../../tenancy/limits-view.ts";
import { loadCaller } from "../caller.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { refuse } from "../refuse.ts";

/** The route of limits. */
export const limits = new Hono<EdgeEnv>().get("/", requireScope("GET", "/v1/limits"), async (c) => {
  const caller = await loadCaller(c);
  if (!caller.ok) return refuse(c, caller.error);
  const viewed = await viewLimits(c.env, caller.value.snapshot, callerOf(caller.value));
  return viewed.ok ? c.json({ data: viewed.value }) : refuse(c, viewed.error);
});
