/**
 * `/mcp`: the key's tools for MCP clients, over Streamable HTTP without sessions to keep, revisions 2026-07-28 and
 * 2025-11-25. Errors before the protocol has its say are JSON-RPC errors with the status they have everywhere.
 */

import { Hono } from "hono";

import { usableTools } from "../../assembly/run-context.ts";
import { readJson } from "../body.ts";
import { loadCaller } from "../caller.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { ownPagesOnly } from "../middleware/own-pages.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { refuse } from "../refuse.ts";

const ONE_MESSAGE = {
  code: "validation_failed",
  violations: [{ pointer: "", message: "Must be one JSON-RPC message." }],
} as const;

/** The route of MCP clients. */
export const mcp = new Hono<EdgeEnv>().post(
  "/",
  ownPagesOnly(),
  requireScope("POST", "/mcp"),
  async (c) => {
    const caller = await loadCaller(c);
    if (!caller.ok) return refuse(c, caller.error);
    const body = await readJson(c.req.raw);
    if (!body.ok) return refuse(c, body.error);
    // Neither revision has batches; one would run any number of calls under a single request's bounds.
    if (Array.isArray(body.value)) return refuse(c, ONE_MESSAGE);
    // Loaded when it is first needed: its SDK is heavy, and most clients speak another protocol.
    const { serveMcp } = await import("../mcp/serve-mcp.ts");
    const tools = usableTools(caller.value);
    return serveMcp(c, { caller: caller.value, tools }, body.value);
  },
);
