/** A tenant with more tools than its models see at once, and which of them a model was shown. */

import { listOf, objectOf, parseObject, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { echoTool } from "./field-scene.ts";
import { newTenant, plain, servers, type TestTenant } from "./scene.ts";

/** The names of its tools. */
export const WORDS = ["invoice", "calendar", "weather", "translation", "inventory"];

/** A tenant with five tools, each of which is about one word. */
export function tenantWith(above: number): Promise<TestTenant> {
  const tools = WORDS.map((word) => [word, echoTool({}, { description: `Looks up the ${word}` })]);
  return newTenant({
    tools: Object.fromEntries(tools),
    policy: { runs: { tool_search_above: above } },
  });
}

/** A turn that searches for one tool. */
export const search = (query: string) => ({
  calls: [{ name: "tool_search", arguments: { query, limit: 1 } }],
});

/** The names of the tools in each question the model was asked in which `mark` stands, oldest first. */
export async function shownIn(mark: string): Promise<readonly (readonly string[])[]> {
  const seen: unknown = await (await fetch(`${servers.model}/_requests`)).json();
  return (Array.isArray(seen) ? seen : [])
    .map((one) => textOf(plain(one), "body") ?? "")
    .filter((body) => body.includes(mark))
    .map((body) => listOf(parseObject(body), "tools").map((tool) => nameOf(plain(tool))));
}

function nameOf(tool: UnknownObject): string {
  return textOf(objectOf(tool, "function"), "name") ?? "";
}

/** What a model is shown before it has found anything. */
export const BUILT_IN = ["tool_search", "result_query"];
