/**
 * `result_query`: the built-in tool with which a model reads what was left out of a result.
 *
 * It is offered only when the conversation holds a handle, so a chat without cut results is asked exactly as before. A
 * call of it takes a slot, counts and is told like any other, but nothing leaves the gateway. What it answers is bounded
 * by the turn's tokens like any result, and is not kept again: a narrower query brings the rest.
 */

import { parse } from "../../contract/parse.ts";
import { RESULT_QUERY, ResultQuery } from "../../contract/result-query.ts";
import type { CallError, CallOutcome } from "../../contract/run.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { decorateLanes } from "../journal/decorate-lanes.ts";
import type { KeptResults, LanePool, OfferedTool, PlannedCall, ToolBox } from "../ports.ts";
import { queryResult } from "./query-result.ts";

/** Longest arguments of a query, in characters. */
const MAX_QUERY_LENGTH = 65_536;

const QUERY_TIMEOUT_MS = 30_000;

/** How the model sees it. The text is constant: it is part of every provider's prompt cache. */
export const RESULT_QUERY_TOOL: OfferedTool = {
  wireName: RESULT_QUERY,
  name: RESULT_QUERY,
  description:
    'Reads a tool result that was cut. Such a result looks like {"handle":"res_…","bytes":…,"cut":…}, with "…" where something is left out. Give its handle and say which part you need.',
  input: {
    type: "object",
    properties: {
      handle: { type: "string", description: "The handle, res_ and 22 characters." },
      pointer: {
        type: "string",
        description: 'JSON pointer into the full result, such as /items/17/name; "" is all of it.',
      },
      filter: {
        type: "object",
        description: "Only the items of a list for which this holds.",
        properties: {
          field: { type: "string", description: "Member name, or JSON pointer into each item." },
          op: {
            type: "string",
            enum: ["equals", "not_equals", "contains", "gt", "gte", "lt", "lte"],
          },
          value: { type: ["string", "number", "boolean", "null"] },
        },
        required: ["op", "value"],
      },
      offset: { type: "integer", description: "Items or characters to pass over." },
      limit: { type: "integer", description: "Items or characters to answer with." },
      fields: {
        type: "array",
        items: { type: "string" },
        description: "Only these members of each item.",
      },
    },
    required: ["handle"],
    additionalProperties: false,
  },
};

/** What a chat run needs of its ports here. */
interface QueryPorts {
  readonly tools: ToolBox;
  readonly lanes: LanePool;
  readonly results: KeptResults;
}

/** The same ports, with `result_query` among the tools they plan and run. A tenant's own tool of that name, made before it was reserved, stays. */
export function queryable<P extends QueryPorts>(ports: P): P {
  const { tools, lanes, results } = ports;
  if (isTaken(tools.offered)) return ports;
  return { ...ports, tools: withQuery(tools), lanes: withQueryLanes(lanes, results) };
}

/** The tools to show the model: `result_query` is among them when a message speaks of a kept result. */
export function withQueryOffered(
  offered: readonly OfferedTool[],
  messages: readonly JsonObject[],
): readonly OfferedTool[] {
  if (offered.length === 0 || isTaken(offered)) return offered;
  const isWanted = messages.some(({ content }) => content !== undefined && mentionsHandle(content));
  return isWanted ? [...offered, RESULT_QUERY_TOOL] : offered;
}

function isTaken(offered: readonly OfferedTool[]): boolean {
  return offered.some(({ wireName }) => wireName === RESULT_QUERY);
}

function mentionsHandle(content: Json): boolean {
  if (typeof content === "string") return /\bres_[0-9A-Za-z]{22}\b/.test(content);
  if (!isJsonArray(content)) return false;
  return content.some((part) => isJsonObject(part) && mentionsHandle(part["text"] ?? null));
}

function withQuery(tools: ToolBox): ToolBox {
  return {
    ...tools,
    plan: (id, wireName, argumentsJson, isTentative) =>
      wireName === RESULT_QUERY
        ? planQuery(id, argumentsJson)
        : tools.plan(id, wireName, argumentsJson, isTentative),
  };
}

function planQuery(id: string, argumentsJson: string): Result<PlannedCall, CallError> {
  const values = argumentsJson.length > MAX_QUERY_LENGTH ? null : parseObject(argumentsJson);
  if (values === null)
    return fail({ code: "arguments_not_json", message: "The arguments are not a JSON object." });
  const query = parse(ResultQuery, values);
  if (!query.ok) {
    const [first] = query.error.violations;
    const message = `The arguments do not fit. ${first?.pointer ?? ""}: ${first?.message ?? ""}`;
    return fail({ code: "arguments_invalid", message });
  }
  return ok({
    id,
    tool: RESULT_QUERY,
    arguments: values,
    effect: "pure",
    timeoutMs: QUERY_TIMEOUT_MS,
    maxParallel: null,
  });
}

function parseObject(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** Lanes that answer `result_query` themselves and hand every other call on. */
function withQueryLanes(pool: LanePool, results: KeptResults): LanePool {
  return decorateLanes(pool, {
    run: (lane, call, timeoutMs, signal) =>
      call.tool === RESULT_QUERY ? answer(call, results) : lane.run(call, timeoutMs, signal),
  });
}

async function answer(call: PlannedCall, results: KeptResults): Promise<CallOutcome> {
  const query = parse(ResultQuery, call.arguments);
  if (!query.ok) return refused("arguments_invalid", "The arguments do not fit.");
  const json = await results.read(query.value.handle);
  if (json === null)
    return refused("result_unknown", "There is no result under this handle, or its time is over.");
  const answered = queryResult(json, query.value);
  if (!answered.ok) return refused("arguments_invalid", answered.error);
  return { status: "succeeded", outputJson: answered.value, cache: "bypass", attempts: 0 };
}

function refused(code: CallError["code"], message: string): CallOutcome {
  return { status: "failed", error: { code, message }, cache: "bypass", attempts: 0 };
}
