/**
 * The official conformance suite of the Model Context Protocol against `/mcp`: every scenario a revision requires of a
 * server, on that revision's wire. What is not applicable is listed, with the reason, in mcp-not-applicable.yaml; a
 * scenario that fails and is not listed, or is listed and passes, fails here.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, request as httpRequest, type Server } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { echoTool } from "./field-scene.ts";
import { gateway, newTenant, servers } from "./scene.ts";

const CLI = createRequire(import.meta.url).resolve(
  "@modelcontextprotocol/conformance/dist/index.js",
);
const BASELINE = fileURLToPath(new URL("mcp-not-applicable.yaml", import.meta.url));
const SUITE_TIMEOUT_MS = 240_000;

/** The tools the suite asks for, as far as an HTTP tool can be one. */
const FIXTURES = {
  test_simple_text: echoTool(),
  test_error_handling: echoTool({ query: { fault: "500" } }),
  test_tool_with_progress: echoTool({ url: `${servers.tools}/sleep/100` }),
};

let proxy: Server;
let url = "";

/** The suite sends no credentials, so something in between has to. */
async function startProxy(apiKey: string): Promise<void> {
  const { hostname, port } = new URL(gateway.baseUrl);
  proxy = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, authorization: `Bearer ${apiKey}` };
    const { method = "GET", url: path = "/" } = incoming;
    const forwarded = httpRequest({ hostname, port, path, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on("error", () => outgoing.destroy());
    outgoing.on("close", () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address();
  url = `http://localhost:${typeof address === "object" ? address?.port : 0}/mcp`;
}

async function runSuite(
  revision: string,
): Promise<{ readonly code: number; readonly said: string }> {
  const args = [
    "server",
    "--url",
    url,
    "--requirements",
    revision,
    "--expected-failures",
    BASELINE,
  ];
  const child = spawn(process.execPath, [CLI, ...args], { cwd: tmpdir() });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  }
  const [code] = await once(child, "exit");
  return { code: Number(code), said };
}

beforeAll(async () => {
  const tenant = await newTenant({ tools: FIXTURES });
  await startProxy(tenant.apiKey);
});

afterAll(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await once(proxy, "close");
});

describe("@modelcontextprotocol/conformance", () => {
  for (const revision of ["2025-11-25", "2026-07-28"]) {
    it(
      `passes for ${revision}, what is not applicable aside`,
      { timeout: SUITE_TIMEOUT_MS },
      async () => {
        const { code, said } = await runSuite(revision);
        expect(code, said.slice(-4000)).toBe(0);
      },
    );
  }
});
