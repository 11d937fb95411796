/** The tools of a response by toolset, as its `mcp_list_tools` items show them. */

import type { ListedToolset } from "../../contract/response.ts";
import type { OfferedTool } from "../ports.ts";
import { OWN_TOOLSET } from "./choose-tools.ts";

/** One entry for each toolset, in the order of its first tool. */
export function listedToolsets(offered: readonly OfferedTool[]): readonly ListedToolset[] {
  const byLabel = new Map<string, ListedToolset["tools"][number][]>();
  for (const { name, description, input, toolset = OWN_TOOLSET } of offered) {
    const tools = byLabel.get(toolset) ?? [];
    byLabel.set(toolset, tools);
    tools.push({ name, description, input_schema: input, annotations: {} });
  }
  return [...byLabel].map(([label, tools]) => ({ label, tools }));
}
