import { describe, expect, it } from "vitest";

import { MAX_PINS, mergeLook } from "../../durable-objects/tenant/merge-look.ts";
import type { McpListedTool, McpLook } from "../../src/contract/mcp.ts";
import { hashOf, listedTool, SERVER_URL } from "../support/mcp-values.ts";

function look(tools: readonly McpListedTool[], url = SERVER_URL): McpLook {
  return {
    url,
    at_ms: 10,
    expires_at_ms: 20,
    outcome: { ok: true, protocol: "2026-07-28", tools },
  };
}

const FAILED: McpLook = {
  url: SERVER_URL,
  at_ms: 30,
  expires_at_ms: 40,
  outcome: { ok: false, failure: { code: "tool_timeout", message: "Late.", at_ms: 30 } },
};

describe("mergeLook", () => {
  it("pins each definition at first sight and never again", () => {
    const first = mergeLook(null, look([listedTool("a", "1")]));
    const second = mergeLook(first, look([listedTool("a", "2"), listedTool("b", "3")]));
    expect(second.pins).toEqual({ a: hashOf("1"), b: hashOf("3") });
    expect(second.tools.map(({ hash }) => hash)).toEqual([hashOf("2"), hashOf("3")]);
  });

  it("keeps the pin of a tool that goes away", () => {
    const first = mergeLook(null, look([listedTool("a", "1")]));
    const without = mergeLook(first, look([]));
    const back = mergeLook(without, look([listedTool("a", "2")]));
    expect(back.pins).toEqual({ a: hashOf("1") });
  });

  it("starts anew for another address", () => {
    const first = mergeLook(null, look([listedTool("a", "1")]));
    const moved = mergeLook(first, look([listedTool("a", "2")], "https://other.example.com/mcp"));
    expect(moved.pins).toEqual({ a: hashOf("2") });
  });

  it("keeps what it knew when a look failed, and forgets the failure after the next", () => {
    const first = mergeLook(null, look([listedTool("a", "1")]));
    const failed = mergeLook(first, FAILED);
    expect(failed).toMatchObject({
      listed_at_ms: 10,
      expires_at_ms: 40,
      failure: { code: "tool_timeout" },
      pins: first.pins,
      tools: first.tools,
    });
    expect(mergeLook(failed, look([])).failure).toBeNull();
    expect(mergeLook(null, FAILED)).toMatchObject({ tools: [], pins: {}, listed_at_ms: null });
  });

  it("pins so many and no more", () => {
    const many = Array.from({ length: MAX_PINS + 1 }, (_, n) => listedTool(`t${String(n)}`));
    const { pins } = mergeLook(null, look(many));
    expect(Object.keys(pins)).toHaveLength(MAX_PINS);
    expect(pins).not.toHaveProperty(`t${String(MAX_PINS)}`);
  });
});
