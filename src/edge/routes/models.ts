/** `GET /v1/models`: the tenant's models in OpenAI's list. */

import { Hono } from "hono";

import { listModels } from "../../assembly/models.ts";
import { loadCaller } from "../caller.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { answerTagged } from "../entity-tag.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { refuse } from "../refuse.ts";

/** The route of models. `created` is not known here and is 0. */
export const models = new Hono<EdgeEnv>().get("/", requireScope("GET", "/v1/models"), async (c) => {
  const caller = await loadCaller(c);
  if (!caller.ok) return refuse(c, caller.error);
  const { snapshot } = caller.value;
  const defer = (work: Promise<unknown>): void => c.executionCtx.waitUntil(work);
  const listed = await listModels({ env: c.env, snapshot, defer }, c.req.raw.signal);
  const data = listed.map(({ id, upstream }) => ({
    id,
    object: "model",
    created: 0,
    owned_by: upstream,
  }));
  return answerTagged(c, JSON.stringify({ object: "list", data }));
});
