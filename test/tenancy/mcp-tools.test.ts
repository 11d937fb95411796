import { describe, expect, it } from "vitest";

import { ToolDefinition, type Tool } from "../../src/contract/tool.ts";
import type { TenantSnapshot } from "../../src/contract/tenant.ts";
import { mcpToolStates, withMcpTools } from "../../src/tenancy/mcp-tools.ts";
import { hashOf, listedTool, listingOf, namedServer } from "../support/mcp-values.ts";
import { newCaller } from "../support/run-fixture.ts";

const NONE: ReadonlySet<string> = new Set();

function reasonsOf(named: Parameters<typeof mcpToolStates>[0], taken = NONE) {
  return mcpToolStates(named, taken).map(({ withheld }) => withheld?.reason ?? "offered");
}

describe("mcpToolStates", () => {
  it("offers a tool whose definition is the one seen first", () => {
    expect(reasonsOf(namedServer(listingOf([listedTool("a")])))).toEqual(["offered"]);
  });

  it("withholds one whose definition differs, until the tenant names its hash", () => {
    const listing = listingOf([listedTool("a", "1")], { pins: { a: hashOf("0") } });
    expect(reasonsOf(namedServer(listing))).toEqual(["pending_review"]);
    const wrong = { tools: { a: { definition: hashOf("2") } } };
    expect(reasonsOf(namedServer(listing, wrong))).toEqual(["pending_review"]);
    const right = { tools: { a: { definition: hashOf("1") } } };
    expect(reasonsOf(namedServer(listing, right))).toEqual(["offered"]);
  });

  it("offers nothing unreviewed where all is to be reviewed", () => {
    const listing = listingOf([listedTool("a", "1"), listedTool("b", "2")]);
    const server = { review: "all", tools: { b: { definition: hashOf("2") } } };
    expect(reasonsOf(namedServer(listing, server))).toEqual(["pending_review", "offered"]);
  });

  it("knows nothing from a listing of another address", () => {
    const listing = listingOf([listedTool("a")], { url: "https://elsewhere.example.com/mcp" });
    expect(reasonsOf(namedServer(listing))).toEqual([]);
    expect(reasonsOf(namedServer(null))).toEqual([]);
  });

  it("does not take names of every object for decisions or pins", () => {
    const listing = listingOf([listedTool("constructor")], { pins: {} });
    expect(reasonsOf(namedServer(listing))).toEqual(["pending_review"]);
  });

  it("names what is switched off, what has no possible name, and what is taken", () => {
    const names = ["off", "a b", "mine", "x".repeat(60)];
    const listing = listingOf(names.map((name) => listedTool(name)));
    const server = { tools: { off: { enabled: false } } };
    expect(reasonsOf(namedServer(listing, server), new Set(["far__mine"]))).toEqual([
      "disabled",
      "name_unusable",
      "name_taken",
      "name_unusable",
    ]);
  });
});

function alias(name: string, tool: string): Tool {
  const definition = ToolDefinition.parse({
    description: "Mine",
    input: { type: "object" },
    mcp: { server: "far", tool },
  });
  return { name, version: 1, definition };
}

async function snapshotWith(more: Partial<TenantSnapshot>): Promise<TenantSnapshot> {
  const { snapshot } = await newCaller();
  return { ...snapshot, tools: [], ...more };
}

describe("withMcpTools", () => {
  it("adds what is offered as write, with the server's time and the tenant's decisions", async () => {
    const listing = listingOf([
      listedTool("a", "0", { annotations: { readOnlyHint: true } }),
      listedTool("b", "1", { output: { type: "object" } }),
    ]);
    const rule = {
      effect: "read",
      cache: { ttl_s: 5 },
      timeout_ms: 70,
      max_parallel: 2,
      requires_approval: true,
    };
    const server = { timeout_ms: 900, tools: { b: rule } };
    const { tools } = withMcpTools(
      await snapshotWith({ mcpServers: [namedServer(listing, server)] }),
    );
    expect(tools).toEqual([
      {
        name: "far__a",
        version: 3,
        definition: {
          description: "The tool a",
          input: { type: "object" },
          effect: "write",
          mcp: { server: "far", tool: "a" },
          timeout_ms: 900,
        },
      },
      {
        name: "far__b",
        version: 3,
        definition: {
          description: "The tool b",
          input: { type: "object" },
          output: { type: "object" },
          ...rule,
          mcp: { server: "far", tool: "b" },
        },
      },
    ]);
  });

  it("keeps a tool built on another only while that one may be called", async () => {
    const listing = listingOf([listedTool("good"), listedTool("a b"), listedTool("bad", "1")], {
      pins: { good: hashOf("0"), "a b": hashOf("0"), bad: hashOf("0") },
    });
    const own = [alias("x", "good"), alias("y", "a b"), alias("z", "bad"), alias("w", "gone")];
    const { tools } = withMcpTools(
      await snapshotWith({ tools: own, mcpServers: [namedServer(listing)] }),
    );
    expect(tools.map(({ name }) => name)).toEqual(["x", "y", "far__good"]);
  });
});
