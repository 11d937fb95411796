/** Tool definitions for tests, with the defaults the contract fills in. */

import { ToolDefinition, type Tool } from "../../src/contract/tool.ts";

/** A definition; without a kind it is the built-in calculator. */
export function toolDefinition(overrides: object): ToolDefinition {
  const kind = "http" in overrides || "builtin" in overrides ? {} : { builtin: "calculator" };
  return ToolDefinition.parse({
    description: "A tool.",
    input: { type: "object" },
    ...kind,
    ...overrides,
  });
}

/** A stored tool of version 1. */
export function storedTool(name: string, overrides: object): Tool {
  return { name, version: 1, definition: toolDefinition(overrides) };
}
