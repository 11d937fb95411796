/**
 * `tool_search` in place of a long list of tools: when more are offered than the policy wants in a prompt, the model sees
 * this one tool, and in the next turn besides the tools it has found.
 *
 * Which tools are shown follows from the conversation alone, and a tool once shown stays where it is: the list only grows
 * at its end, so a provider's prompt cache holds, and a conversation that is sent again shows the same list. Shown are the
 * tools the client's `tool_choice` names, those that were called before, and the matches of every search, in the order in
 * which they came up, at most as many as the policy allows. Every other tool can still be called by its name.
 *
 * A search takes a slot, counts and is told like any call, but nothing leaves the gateway.
 */

import { Bm25Index } from "../../algorithms/bm25.ts";
import { parse } from "../../contract/parse.ts";
import type { CallError, CallOutcome } from "../../contract/run.ts";
import { TOOL_SEARCH, ToolSearch } from "../../contract/tool-search.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { decorateLanes } from "../journal/decorate-lanes.ts";
import type { LanePool, OfferedTool, PlannedCall, ToolBox } from "../ports.ts";
import { RESULT_QUERY_TOOL } from "../results/result-query-tool.ts";
import { toolWords, wordsOf } from "./tool-words.ts";

/** Characters of a description in the answer of a search; the tool itself is shown whole. */
const MAX_DESCRIPTION = 300;

const SEARCH_TIMEOUT_MS = 30_000;

/** How the model sees it. The text is constant: it is part of every provider's prompt cache. */
const TOOL_SEARCH_TOOL: OfferedTool = {
  wireName: TOOL_SEARCH,
  name: TOOL_SEARCH,
  description:
    "Finds tools by what they do. There are many more tools than the ones you see: search before you say that something cannot be done. The tools it finds can be called from your next turn on.",
  input: {
    type: "object",
    properties: {
      query: { type: "string", description: "What the tool should do, in a few words." },
      limit: { type: "integer", description: "How many tools to find, 1 to 20; 5 when absent." },
    },
    required: ["query"],
    additionalProperties: false,
  },
};

/** The tools of a run in which some are found by searching. */
interface SearchPorts {
  readonly tools: ToolBox;
  readonly lanes: LanePool;
}

/** True when a run that offers these searches among them. A tenant's own tool of that name, made before it was reserved, stays. */
function isSearched(offered: readonly OfferedTool[], above: number | undefined): above is number {
  if (above === undefined || offered.length <= above) return false;
  return !offered.some(({ wireName }) => wireName === TOOL_SEARCH);
}

/** The same ports, with `tool_search` among the tools they plan and run when there are more than `above`; undefined is never. */
export function searchable<P extends SearchPorts>(ports: P, above: number | undefined): P {
  const { tools, lanes } = ports;
  if (!isSearched(tools.offered, above)) return ports;
  const search = searchOf(tools.offered);
  const plan: ToolBox["plan"] = (id, wireName, argumentsJson, isTentative) =>
    wireName === TOOL_SEARCH
      ? planSearch(id, argumentsJson, tools)
      : tools.plan(id, wireName, argumentsJson, isTentative);
  return { ...ports, tools: { ...tools, plan }, lanes: searchLanes(lanes, search) };
}

/** The tools to show the model after `messages`, when its client's choice is `toolChoice`. */
export function shownTools(
  offered: readonly OfferedTool[],
  messages: readonly JsonObject[],
  toolChoice: unknown,
  above: number | undefined,
): readonly OfferedTool[] {
  if (!isSearched(offered, above)) return offered;
  const byName = new Map(offered.map((tool) => [tool.name, tool]));
  const byWireName = new Map(offered.map((tool) => [tool.wireName, tool]));
  // What the client names is shown whatever their number: it may not be refused for a list it never saw.
  const shown = new Set(chosenNames(toolChoice).flatMap((name) => byName.get(name) ?? []));
  const most = Math.max(above, shown.size);
  for (const call of madeCalls(messages)) {
    const own = byWireName.get(call.name);
    const found = call.name === TOOL_SEARCH ? foundBy(call.argumentsJson, offered) : [];
    for (const tool of own === undefined ? found : [own]) if (shown.size < most) shown.add(tool);
  }
  // Both from the start, because whatever came between them later would move one.
  return [TOOL_SEARCH_TOOL, RESULT_QUERY_TOOL, ...shown];
}

type Search = (query: ToolSearch) => readonly OfferedTool[];

/** Keyed by the list: it is made once a run, and its index goes with it. */
const searches = new WeakMap<readonly OfferedTool[], Search>();

function searchOf(offered: readonly OfferedTool[]): Search {
  const known = searches.get(offered);
  if (known !== undefined) return known;
  let index: Bm25Index | null = null;
  const search: Search = ({ query, limit }) => {
    index ??= new Bm25Index(offered.map(toolWords));
    return index.search(wordsOf(query), limit).flatMap(({ index: at }) => offered[at] ?? []);
  };
  searches.set(offered, search);
  return search;
}

function foundBy(argumentsJson: string, offered: readonly OfferedTool[]): readonly OfferedTool[] {
  const query = readQuery(argumentsJson);
  return query === null ? [] : searchOf(offered)(query);
}

function readQuery(argumentsJson: string): ToolSearch | null {
  try {
    const query = parse(ToolSearch, JSON.parse(argumentsJson));
    return query.ok ? query.value : null;
  } catch {
    return null;
  }
}

/** The calls in a conversation, in their order. */
function madeCalls(
  messages: readonly JsonObject[],
): readonly { readonly name: string; readonly argumentsJson: string }[] {
  return messages.flatMap(({ tool_calls: made = null }) => {
    if (made === null || !isJsonArray(made)) return [];
    return made.flatMap((call) => {
      const { name, arguments: argumentsJson } = objectAt(call, "function");
      const isCall = typeof name === "string" && typeof argumentsJson === "string";
      return isCall ? [{ name, argumentsJson }] : [];
    });
  });
}

/** The names in a `tool_choice`: one that is forced, or a list of allowed ones. */
function chosenNames(choice: unknown): readonly string[] {
  if (!isJsonObject(choice)) return [];
  const { tools = [] } = objectAt(choice, "allowed_tools");
  const listed = isJsonArray(tools) ? tools : [];
  return [choice, ...listed].flatMap((entry) => {
    const { name } = objectAt(entry, "function");
    return typeof name === "string" ? [name] : [];
  });
}

function objectAt(value: Json, member: string): JsonObject {
  const inner = isJsonObject(value) ? value[member] : undefined;
  return isJsonObject(inner) ? inner : {};
}

function planSearch(
  id: string,
  argumentsJson: string,
  tools: ToolBox,
): Result<PlannedCall, CallError> {
  const values = tools.parse(argumentsJson);
  if (!values.ok) return values;
  const query = parse(ToolSearch, values.value);
  if (!query.ok) {
    const [first] = query.error.violations;
    const message = `The arguments do not fit. ${first?.pointer ?? ""}: ${first?.message ?? ""}`;
    return fail({ code: "arguments_invalid", message });
  }
  return ok({
    id,
    tool: TOOL_SEARCH,
    arguments: values.value,
    effect: "pure",
    timeoutMs: SEARCH_TIMEOUT_MS,
    maxParallel: null,
  });
}

function searchLanes(pool: LanePool, search: Search): LanePool {
  return decorateLanes(pool, {
    run: (lane, call, timeoutMs, signal) =>
      call.tool === TOOL_SEARCH
        ? Promise.resolve(answer(call, search))
        : lane.run(call, timeoutMs, signal),
  });
}

function answer(call: PlannedCall, search: Search): CallOutcome {
  const query = parse(ToolSearch, call.arguments);
  const found = query.ok ? search(query.value) : [];
  const tools = found.map(({ wireName: name, description }) => ({
    name,
    description: description.slice(0, MAX_DESCRIPTION),
  }));
  const hint = "No tool has any of these words. Try others, such as what it would work on.";
  const outputJson = JSON.stringify(tools.length === 0 ? { tools, hint } : { tools });
  return { status: "succeeded", outputJson, cache: "bypass", attempts: 0 };
}
