/** `/v1/policy`: the tenant's policy, the document itself in the body and its version in `ETag`. */

import { Hono, type Context } from "hono";

import { PolicyRollback, type PolicyVersion } from "../../contract/policy.ts";
import { patchPolicy, policyVersions, readPolicy, rollbackPolicy } from "../../tenancy/policy.ts";
import { readBody, readJson } from "../body.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { answerTagged, ifMatchVersion, versionTag } from "../entity-tag.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { readPageQuery } from "../paging.ts";
import { refuse } from "../refuse.ts";

/** Routes of the policy. */
export const policy = new Hono<EdgeEnv>()
  .get("/", requireScope("GET", "/v1/policy"), async (c) => {
    const current = await readPolicy(c.env, c.var.key);
    if (!current.ok) return refuse(c, current.error);
    const { policy: document, version } = current.value;
    return answerTagged(c, JSON.stringify(document), { version });
  })
  .patch("/", requireScope("PATCH", "/v1/policy"), async (c) => {
    const patch = await readJson(c.req.raw);
    if (!patch.ok) return refuse(c, patch.error);
    const ifMatch = ifMatchVersion(c.req.header("if-match"));
    const changed = await patchPolicy(c.env, c.var.key, patch.value, ifMatch);
    return changed.ok ? written(c, changed.value) : refuse(c, changed.error);
  })
  .get("/versions", requireScope("GET", "/v1/policy/versions"), async (c) => {
    const query = readPageQuery(c);
    if (!query.ok) return refuse(c, query.error);
    const page = await policyVersions(c.env, c.var.key, query.value);
    return page.ok ? c.json(page.value) : refuse(c, page.error);
  })
  .post("/rollback", requireScope("POST", "/v1/policy/rollback"), async (c) => {
    const body = await readBody(c.req.raw, PolicyRollback);
    if (!body.ok) return refuse(c, body.error);
    const changed = await rollbackPolicy(c.env, c.var.key, body.value.version);
    return changed.ok ? written(c, changed.value) : refuse(c, changed.error);
  });

/** The document after a change. An answer to a change is never 304. */
function written(c: Context<EdgeEnv>, { policy: document, version }: PolicyVersion): Response {
  return c.json(document, 200, { etag: versionTag(version) });
}
