/** `/v1/upstreams`: the tenant's model providers. */

import { type Context, Hono } from "hono";

import { checkFallbackModel, checkUpstream } from "../../assembly/check-upstream.ts";
import type { GatewayError, Violation } from "../../contract/error.ts";
import { ResourceName } from "../../contract/names.ts";
import { MAX_PAGE_LIMIT } from "../../contract/page.ts";
import { Upstream, type NamedUpstream } from "../../contract/upstream.ts";
import { ok, type Result } from "../../platform/result.ts";
import {
  deleteUpstream,
  listUpstreams,
  putUpstream,
  readUpstream,
} from "../../tenancy/resources.ts";
import { readBody } from "../body.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { readPageQuery } from "../paging.ts";
import { refuse } from "../refuse.ts";
import { readName, readNewName } from "../resource-name.ts";

/** Routes of upstreams. */
export const upstreams = new Hono<EdgeEnv>()
  .get("/", requireScope("GET", "/v1/upstreams"), async (c) => {
    const query = readPageQuery(c);
    if (!query.ok) return refuse(c, query.error);
    const page = await listUpstreams(c.env, c.var.key, query.value);
    if (!page.ok) return refuse(c, page.error);
    return c.json({ ...page.value, data: page.value.data.map(view) });
  })
  .get("/:name", requireScope("GET", "/v1/upstreams/:name"), async (c) => {
    const name = readName(c, ResourceName);
    if (!name.ok) return refuse(c, name.error);
    const upstream = await readUpstream(c.env, c.var.key, name.value);
    return upstream.ok ? c.json(view(upstream.value)) : refuse(c, upstream.error);
  })
  .put("/:name", requireScope("PUT", "/v1/upstreams/:name"), async (c) => {
    const name = readNewName(c, ResourceName);
    if (!name.ok) return refuse(c, name.error);
    const body = await readBody(c.req.raw, Upstream);
    if (!body.ok) return refuse(c, body.error);
    const options = { allowLoopback: c.env.ALLOW_LOOPBACK === "true" };
    const named = { name: name.value, version: 0, upstream: body.value };
    const fallback = await fallbackViolations(c, named);
    if (!fallback.ok) return refuse(c, fallback.error);
    const violations = [...checkUpstream(body.value, options), ...fallback.value];
    if (violations.length > 0) return refuse(c, { code: "unprocessable", violations });
    const written = await putUpstream(c.env, c.var.key, name.value, body.value);
    if (!written.ok) return refuse(c, written.error);
    return c.json(view(written.value.value), written.value.created ? 201 : 200);
  })
  .delete("/:name", requireScope("DELETE", "/v1/upstreams/:name"), async (c) => {
    const name = readName(c, ResourceName);
    if (!name.ok) return refuse(c, name.error);
    const deleted = await deleteUpstream(c.env, c.var.key, name.value);
    return deleted.ok ? c.body(null, 204) : refuse(c, deleted.error);
  });

/** The model that stands in is looked for among the upstreams as they are stored now. */
async function fallbackViolations(
  c: Context<EdgeEnv>,
  named: NamedUpstream,
): Promise<Result<readonly Violation[], GatewayError>> {
  if (named.upstream.fallback === undefined) return ok([]);
  const stored = await listUpstreams(c.env, c.var.key, { limit: MAX_PAGE_LIMIT, after: null });
  return stored.ok ? ok(checkFallbackModel(named, stored.value.data)) : stored;
}

function view({ name, version, upstream }: NamedUpstream): object {
  return { name, version, ...upstream };
}
