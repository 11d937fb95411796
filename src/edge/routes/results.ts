/** `GET /v1/results/{handle}`: the full value of a result that was too long for a run's answer or a model. */

import { Hono } from "hono";

import { readResult } from "../../assembly/read-result.ts";
import { parse } from "../../contract/parse.ts";
import { ResultPointer } from "../../contract/result-query.ts";
import { loadCaller } from "../caller.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { refuse } from "../refuse.ts";

/** Routes of kept results. */
export const results = new Hono<EdgeEnv>().get(
  "/:handle",
  requireScope("GET", "/v1/results/:handle"),
  async (c) => {
    const caller = await loadCaller(c);
    if (!caller.ok) return refuse(c, caller.error);
    const pointer = parse(ResultPointer, c.req.query("pointer") ?? "");
    if (!pointer.ok) {
      const message = "Must be a JSON pointer (RFC 6901) of at most 1024 characters.";
      return refuse(c, {
        code: "validation_failed",
        violations: [{ pointer: "/pointer", message }],
      });
    }
    const value = await readResult(c.env, caller.value, c.req.param("handle"), pointer.value);
    if (!value.ok) return refuse(c, value.error);
    return new Response(value.value, { headers: { "content-type": "application/json" } });
  },
);
