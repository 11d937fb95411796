import { describe, expect, it } from "vitest";

import { ToolDefinition, type Tool } from "../../../src/contract/tool.ts";
import { refusedResult, toolResult } from "../../../src/edge/mcp/call-result.ts";
import { toolPage, TOOLS_PER_PAGE } from "../../../src/edge/mcp/tool-list.ts";

function tool(name: string, more: object = {}): Tool {
  const http = { method: "GET", url: "https://api.example.com/" };
  const definition = ToolDefinition.parse({
    description: name,
    input: { type: "object" },
    ...("builtin" in more ? {} : { http }),
    ...more,
  });
  return { name, version: 1, definition };
}

describe("toolPage", () => {
  it("is by name, with a cursor at the limit plus one and none at the limit", () => {
    const names = Array.from({ length: TOOLS_PER_PAGE + 1 }, (_, n) => `t${String(1000 + n)}`);
    const many = names.map((name) => tool(name)).toReversed();
    const first = toolPage(many, undefined);
    expect(first).toMatchObject({ ok: true, value: { nextCursor: `after:${names.at(-2)}` } });
    const second = toolPage(many, first.ok ? first.value.nextCursor : "");
    expect(second).toMatchObject({ ok: true, value: { tools: [{ name: names.at(-1) }] } });
    const whole = toolPage(many.slice(1), undefined);
    expect(whole.ok && whole.value.nextCursor).toBeUndefined();
  });

  it("refuses a cursor that no page gave out", () => {
    expect(toolPage([], "7")).toEqual({ ok: false, error: "unknown_cursor" });
  });

  it("says what a tool may do, and shows an output schema of objects only", () => {
    const page = toolPage(
      [
        tool("a", { effect: "read", output: { type: "object" } }),
        tool("b", { effect: "idempotent_write", output: { type: "string" } }),
        tool("c", { effect: "write" }),
        tool("d", { effect: "pure", builtin: "calculator" }),
      ],
      undefined,
    );
    const listed = page.ok ? page.value.tools : [];
    expect(listed.map(({ annotations }) => Object.values(annotations))).toEqual([
      [true, false, true, true],
      [false, true, true, true],
      [false, true, false, true],
      [true, false, true, false],
    ]);
    expect(listed.map(({ outputSchema }) => outputSchema !== undefined)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

describe("toolResult", () => {
  const end = { cache: "bypass", attempts: 1 } as const;

  it("is structured for objects, and plain text for texts", () => {
    expect(toolResult({ ...end, status: "succeeded", outputJson: '{"a":1}' })).toEqual({
      content: [{ type: "text", text: '{"a":1}' }],
      structuredContent: { a: 1 },
    });
    expect(toolResult({ ...end, status: "succeeded", outputJson: '"words"' })).toEqual({
      content: [{ type: "text", text: "words" }],
    });
    expect(toolResult({ ...end, status: "succeeded" }).content[0]?.text).toBe("null");
  });

  it("is an error with its reason and code otherwise", () => {
    const error = { code: "tool_timeout", message: "Late." } as const;
    expect(toolResult({ ...end, status: "outcome_unknown", error })).toEqual({
      isError: true,
      content: [{ type: "text", text: "Late. (tool_timeout, outcome_unknown)" }],
    });
    const violations = [
      { pointer: "/calls/0/arguments/a", message: "Must be a number." },
      { pointer: "/calls/0/arguments", message: "Too deep." },
    ];
    expect(refusedResult(violations).content[0]?.text).toContain(
      "/a: Must be a number. /: Too deep.",
    );
  });
});
