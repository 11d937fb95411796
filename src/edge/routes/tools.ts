/** `/v1/tools`: the tenant's tools. What a schema cannot say about a definition is checked before it is stored. */

import { Hono, type Context } from "hono";

import type { GatewayError, Violation } from "../../contract/error.ts";
import { openApiDocument } from "../../assembly/import-openapi.ts";
import { ToolName } from "../../contract/names.ts";
import { MAX_VIOLATIONS } from "../../contract/parse.ts";
import { OpenApiImport } from "../../contract/openapi-import.ts";
import { standInOf, ToolDefinition, type Tool } from "../../contract/tool.ts";
import { checkChain } from "../../orchestration/chains/check-chain.ts";
import { ok, type Result } from "../../platform/result.ts";
import { allTools } from "../../tenancy/all-tools.ts";
import { putTools } from "../../tenancy/put-tools.ts";
import { deleteTool, listTools, putTool, readTool } from "../../tenancy/resources.ts";
import { importTools, type ImportedTool } from "../../tools/openapi/import-tools.ts";
import { checkTool } from "../../tools/check-tool.ts";
import { checkStandIn } from "../../tools/fall-back.ts";
import { toolFinder } from "../../tools/tool-box.ts";
import { readBody } from "../body.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { answerTagged } from "../entity-tag.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { readPageQuery } from "../paging.ts";
import { refuse } from "../refuse.ts";
import { readName, readNewName } from "../resource-name.ts";

/** Largest body of an import, which may carry a document. */
const MAX_DOCUMENT_BODY_BYTES = 4 * 1024 * 1024;

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
  .post("/import", requireScope("POST", "/v1/tools/import"), async (c) => {
    const body = await readBody(c.req.raw, OpenApiImport, { maxBytes: MAX_DOCUMENT_BODY_BYTES });
    if (!body.ok) return refuse(c, body.error);
    const document = await openApiDocument(c.env, body.value, c.req.raw.signal);
    if (!document.ok) return refuse(c, document.error);
    const { root, url } = document.value;
    const options = { allowLoopback: c.env.ALLOW_LOOPBACK === "true" };
    const made = importTools(root, body.value, url, options);
    if (!made.ok) return refuse(c, { code: "unprocessable", violations: made.error });
    const { tools: imported, unsupported } = made.value;
    const { replace, dry_run } = body.value;
    const stored = await putTools(c.env, c.var.key, imported, { replace, isDryRun: dry_run });
    if (!stored.ok) return refuse(c, stored.error);
    const taken = new Set(stored.value);
    const data = imported.filter(({ name }) => !taken.has(name)).map(importedView);
    const collisions = imported.filter(({ name }) => taken.has(name)).map(importedView);
    return c.json({ data, collisions, unsupported, dry_run });
  })
  .put("/:name", requireScope("PUT", "/v1/tools/:name"), async (c) => {
    const name = readNewName(c, ToolName);
    if (!name.ok) return refuse(c, name.error);
    const body = await readBody(c.req.raw, ToolDefinition);
    if (!body.ok) return refuse(c, body.error);
    const options = { allowLoopback: c.env.ALLOW_LOOPBACK === "true" };
    const violations = checkTool(name.value, body.value, options);
    const beside = await violationsBeside(c, name.value, body.value);
    if (!beside.ok) return refuse(c, beside.error);
    const all = [...violations, ...beside.value].slice(0, MAX_VIOLATIONS);
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

/** A chain or a stand-in is checked against the tools as they are stored now, not as an isolate may remember them. */
async function violationsBeside(
  c: Context<EdgeEnv>,
  name: string,
  definition: ToolDefinition,
): Promise<Result<readonly Violation[], GatewayError>> {
  if (definition.chain === undefined && standInOf(definition) === null) return ok([]);
  const stored = await allTools(c.env, c.var.key);
  if (!stored.ok) return stored;
  const others = new Map(stored.value.map((tool) => [tool.name, tool.definition]));
  return ok([
    ...checkChain(name, definition, others, toolFinder(stored.value)),
    ...checkStandIn(name, definition, others),
  ]);
}

function importedView({ name, operation, definition, notes }: ImportedTool): object {
  return { name, operation, effect: definition.effect, notes };
}

function view({ name, version, definition }: Tool): object {
  return { name, version, ...definition };
}
