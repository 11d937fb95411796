/** The fields of a tool that lives on an MCP server; test/node/field-inventory.test.ts keeps the list complete. */

import { expect, it } from "vitest";

import { callTool } from "./field-scene.ts";
import { farServer, tenantWithServer } from "./mcp-scene.ts";
import { send } from "./scene.ts";

const alias = (mcp: object) => ({
  description: "Adds, under a name of the tenant's own",
  input: { type: "object", properties: { a: { type: "number" }, b: { type: "number" } } },
  effect: "pure",
  mcp,
});

it("tool/mcp/server: is whose tool it is; without that server there is no tool", async () => {
  const tenant = await tenantWithServer(await farServer());
  await tenant.call("PUT", "/v1/tools/plus", alias({ server: "far", tool: "add" }));
  await tenant.call("PUT", "/v1/tools/minus", alias({ server: "elsewhere", tool: "add" }));
  expect(await callTool(tenant, "plus", { a: 1, b: 2 })).toMatchObject({ output: { sum: 3 } });
  const body = { calls: [{ tool: "minus" }] };
  const refused = await send("POST", "/v1/runs", { key: tenant.apiKey, body });
  expect(refused.status).toBe(422);
});

it("tool/mcp/tool: is what the server is asked for, as long as its definition is the reviewed one", async () => {
  const far = await farServer();
  const tenant = await tenantWithServer(far);
  await tenant.call("PUT", "/v1/tools/plus", alias({ server: "far", tool: "add" }));
  await tenant.call("PUT", "/v1/tools/say", alias({ server: "far", tool: "refuse" }));
  expect(await callTool(tenant, "plus", { a: 1, b: 2 })).toMatchObject({ output: { sum: 3 } });
  expect(await callTool(tenant, "say")).toMatchObject({ error: { message: "no such city" } });
  const changed = { name: "add", description: "Changed", inputSchema: { type: "object" } };
  await far.control({ tools: [changed] });
  await tenant.call("PUT", "/v1/mcp-servers/far", { url: far.url });
  const body = { calls: [{ tool: "plus" }] };
  const refused = await send("POST", "/v1/runs", { key: tenant.apiKey, body });
  expect(refused.status).toBe(422);
});
