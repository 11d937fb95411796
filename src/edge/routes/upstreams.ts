/** `/v1/upstreams`: the tenant's model providers. */

import { Hono } from "hono";

import { checkUpstream } from "../../assembly/check-upstream.ts";
import { ResourceName } from "../../contract/names.ts";
import { Upstream, type NamedUpstream } from "../../contract/upstream.ts";
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
    const violations = checkUpstream(body.value, options);
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

function view({ name, version, upstream }: NamedUpstream): object {
  return { name, version, ...upstream };
}
