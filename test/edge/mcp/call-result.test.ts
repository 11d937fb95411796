import { expect, it } from "vitest";

import type { CallOutcome } from "../../../src/contract/run.ts";
import { toolResult } from "../../../src/edge/mcp/call-result.ts";

const made = (more: Partial<CallOutcome>): CallOutcome => ({
  status: "succeeded",
  cache: "miss",
  attempts: 1,
  ...more,
});

it.each([
  ["an object", '{"a":1}', '{"a":1}', { a: 1 }],
  ["a text", '"hello"', "hello", undefined],
  ["a list", "[1]", "[1]", undefined],
])(
  "shows %s as text, and as structured content where it is an object",
  (_, outputJson, text, structured) => {
    const result = toolResult(made({ outputJson }));
    expect(result.content).toEqual([{ type: "text", text }]);
    expect(result.structuredContent).toEqual(structured);
  },
);

it("names the handle of a result that is kept: it is never shown as nothing", () => {
  const handle = "res_0000000000000000000000";
  const { content } = toolResult(made({ kept: { handle, bytes: 9_000_000, heldBytes: 1 } }));
  expect(content).toEqual([{ type: "text", text: JSON.stringify({ handle, bytes: 9_000_000 }) }]);
});

it("says why a call failed", () => {
  const error = { code: "tool_timeout", message: "The tool did not answer in time." } as const;
  expect(toolResult(made({ status: "timeout", error }))).toEqual({
    content: [{ type: "text", text: "The tool did not answer in time. (tool_timeout, timeout)" }],
    isError: true,
  });
});
