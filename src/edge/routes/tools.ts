/** `/v1/tools`: the tenant's tools. What a schema cannot say about a definition is checked before it is stored. */

import { Hono, type Context } from "hono";

import type { GatewayError, Violation } from "../../contract/error.ts";
import { ToolName } from "../../contract/names.ts";
import { MAX_VIOLATIONS } from "../../contract/parse.ts";
import { ToolDefinition, type Tool } from "../../contract/tool.ts";
import { checkChain } from "../../orchestration/chains/check-chain.ts";
import { ok, type Result } from "../../platform/result.ts";
import { allTools } from "../../tenancy/all-tools.ts";
import { deleteTool, listTools, putTool, readTool } from "../../tenancy/resources.ts";
import { checkTool } from "../../tools/check-tool.ts";
import { toolFinder } from "../../tools/tool-box.ts";
import { readBody } from "../body.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { answerTagged } from "../entity-tag.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { readPageQuery } from "../paging.ts";
import { refuse } from "../refuse.ts";
import { readName, readNewName } from "../resource-name.ts";

/** Routes of tools. */
export const tools = new Hono<EdgeEnv>()
  .get("/", requireScope("GET", "/v1/tools"), async (c) => {
    const query = readPageQuery(c);
    if (!query.ok) return refuse(c, query.error);
    const page = await listTools(c.env, c.var.key, query.value);
    if (!page.ok) return refuse(c, page.error);
    return answerTagged(c, JSON.stringify({ ...page.value, data: page.value.data.map(view) }));
  })
  .get("/:name", requireScope("GET", "/v1/tools/:name"), async (c) => {
    const name = readName(c, ToolName);
    if (!name.ok) return refuse(c, name.error);
    const tool = await readTool(c.env, c.var.key, name.value);
    if (!tool.ok) return refuse(c, tool.error);
    return answerTagged(c, JSON.stringify(view(tool.value)));
  })
  .put("/:name", requireScope("PUT", "/v1/tools/:name"), async (c) => {
    const name = readNewName(c, ToolName);
    if (!name.ok) return refuse(c, name.error);
    const body = await readBody(c.req.raw, ToolDefinition);
    if (!body.ok) return refuse(c, body.error);
    const options = { allowLoopback: c.env.ALLOW_LOOPBACK === "true" };
    const violations = checkTool(name.value, body.value, options);
    const ofChain = await chainViolations(c, name.value, body.value);
    if (!ofChain.ok) return refuse(c, ofChain.error);
    const all = [...violations, ...ofChain.value].slice(0, MAX_VIOLATIONS);
    if (all.length > 0) return refuse(c, { code: "unprocessable", violations: all });
    const written = await putTool(c.env, c.var.key, name.value, body.value);
    if (!written.ok) return refuse(c, written.error);
    return c.json(view(written.value.value), written.value.created ? 201 : 200);
  })
  .delete("/:name", requireScope("DELETE", "/v1/tools/:name"), async (c) => {
    const name = readName(c, ToolName);
    if (!name.ok) return refuse(c, name.error);
    const deleted = await deleteTool(c.env, c.var.key, name.value);
    return deleted.ok ? c.body(null, 204) : refuse(c, deleted.error);
  });

/** A chain is checked against the tools as they are stored now, not as an isolate may remember them. */
async function chainViolations(
  c: Context<EdgeEnv>,
  name: string,
  definition: ToolDefinition,
): Promise<Result<readonly Violation[], GatewayError>> {
  if (definition.chain === undefined) return ok([]);
  const stored = await allTools(c.env, c.var.key);
  if (!stored.ok) return stored;
  const others = new Map(stored.value.map((tool) => [tool.name, tool.definition]));
  return ok(checkChain(name, definition, others, toolFinder(stored.value)));
}

function view({ name, version, definition }: Tool): object {
  return { name, version, ...definition };
}
