/**
 * Everything a response needs before it runs: its tools chosen, its input read, the conversation it goes on from found.
 *
 * Whatever is wrong with the request is found here, before the model or a tool is asked, so it can be answered with a
 * status.
 */

import type { GatewayError, Violation } from "../../contract/error.ts";
import type { ResponseItem, ResponseRequest, StoredResponse } from "../../contract/response.ts";
import { isJsonObject, type JsonObject } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import type { ToolBox } from "../ports.ts";
import { type ChosenTools, chooseTools, OWN_TOOLSET } from "./choose-tools.ts";
import { narrowedTools } from "./marked-tools.ts";
import { responseOfItem } from "./output-items.ts";
import { planResume, type Resumption, turnOfInput } from "./plan-resume.ts";
import type { ResponsePorts } from "./ports.ts";
import { itemsOf, readInput, type ReadInput } from "./read-input.ts";

/** Responses whose items one input may refer to; each is one read of the store. */
export const MAX_REFERENCED_RESPONSES = 64;

/** Of those, how many are read at once: each may hold megabytes, of which only the items referred to stay. */
const READ_AT_ONCE = 4;

/** A response that can be made. */
export interface Beginning {
  readonly chosen: ChosenTools;
  /** The gateway's tools of this response. */
  readonly tools: ToolBox;
  /** The conversation up to now, without instructions; of a resumed turn what comes before it. */
  readonly messages: readonly JsonObject[];
  /** The held turn this response goes on with, or null. */
  readonly resumption: Resumption | null;
}

type Ports = Pick<ResponsePorts, "responses" | "approvals" | "tools">;

/** Prepares a response, or says what is wrong with its request. */
export async function beginResponse(
  request: ResponseRequest,
  ports: Ports,
): Promise<Result<Beginning, GatewayError>> {
  const refused = checkFields(request);
  const labelled = ports.tools.offered.map((tool) => ({
    ...tool,
    toolset: tool.toolset ?? OWN_TOOLSET,
  }));
  const chosen = chooseTools(request, labelled);
  if (refused.length > 0) return invalid(refused);
  if (!chosen.ok) return invalid(chosen.error);
  const tools = narrowedTools(ports.tools, chosen.value.offered, chosen.value.asked);
  const items = await resolveReferences(itemsOf(request.input), ports);
  if (!items.ok) return items;
  const wireNames = new Map(labelled.map(({ name, wireName }) => [name, wireName]));
  const input = readInput(items.value, (name) => wireNames.get(name) ?? name);
  if (!input.ok) return invalid(input.error);
  const previous = await loadPrevious(request, ports);
  if (!previous.ok) return previous;
  const turnId = turnOfInput(input.value.approvals);
  if (!turnId.ok) return turnId;
  const heldTurn = previous.value?.conversation?.heldTurn ?? null;
  if (heldTurn !== null && turnId.value !== null && heldTurn !== turnId.value)
    return fail({ code: "approval_refused", reason: "unknown or expired" });
  const resumed = heldTurn ?? turnId.value;
  if (resumed === null) {
    const messages = messagesAfter(previous.value, input.value);
    return ok({ chosen: chosen.value, tools, messages, resumption: null });
  }
  const open = await ports.approvals.load(resumed);
  if (open === null) return fail({ code: "approval_refused", reason: "unknown or expired" });
  const resumption = planResume(resumed, open, input.value, tools);
  if (!resumption.ok) return resumption;
  const { messages } = open.turn;
  return ok({ chosen: chosen.value, tools, messages, resumption: resumption.value });
}

/** What OpenAI has and the gateway does not, and what excludes each other. */
function checkFields(request: ResponseRequest): readonly Violation[] {
  const violations: Violation[] = [];
  if (request.background === true && request.store === false)
    violations.push({ pointer: "/background", message: "A response in the background is stored." });
  if (request.truncation === "auto")
    violations.push({ pointer: "/truncation", message: 'The gateway cuts nothing: "disabled".' });
  for (const field of ["conversation", "prompt"])
    if (request[field] !== undefined && request[field] !== null)
      violations.push({ pointer: `/${field}`, message: "The gateway does not keep these." });
  return violations;
}

/** The input with every `item_reference` replaced by the item of an earlier response. */
async function resolveReferences(
  items: readonly ResponseItem[],
  { responses }: Ports,
): Promise<Result<readonly ResponseItem[], GatewayError>> {
  const wanted = new Set(items.map(referredResponse).filter((id) => id !== null));
  if (wanted.size > MAX_REFERENCED_RESPONSES) {
    const message = `Refers to items of more than ${MAX_REFERENCED_RESPONSES} responses.`;
    return invalid([{ pointer: "/input", message }]);
  }
  const known = await referredItems(items, [...wanted], responses);
  const resolved: ResponseItem[] = [];
  const violations: Violation[] = [];
  for (const [index, item] of items.entries()) {
    if (item.type !== "item_reference") {
      resolved.push(item);
      continue;
    }
    // An approval request is known by its id alone: what was asked is kept with the turn.
    if (item.id?.startsWith("mcpr_") === true) {
      resolved.push({ type: "mcp_approval_request", id: item.id });
      continue;
    }
    const found = known.get(item.id ?? "");
    if (found !== undefined) resolved.push(asItem(found));
    else violations.push({ pointer: `/input/${index}/id`, message: "There is no such item." });
  }
  return violations.length === 0 ? ok(withoutRepeats(resolved)) : invalid(violations);
}

/** The items of these responses that `items` refer to, by their id. */
async function referredItems(
  items: readonly ResponseItem[],
  responseIds: readonly string[],
  responses: Ports["responses"],
): Promise<ReadonlyMap<string, JsonObject>> {
  const referred = new Set(
    items.flatMap(({ type, id }) =>
      type === "item_reference" && typeof id === "string" ? id : [],
    ),
  );
  const known = new Map<string, JsonObject>();
  for (let next = 0; next < responseIds.length; next += READ_AT_ONCE) {
    const some = responseIds.slice(next, next + READ_AT_ONCE).map((id) => responses.load(id));
    for (const stored of await Promise.all(some))
      for (const item of stored?.response.output ?? [])
        if (typeof item["id"] === "string" && referred.has(item["id"])) known.set(item["id"], item);
  }
  return known;
}

function referredResponse({ type, id }: ResponseItem): string | null {
  return type === "item_reference" && typeof id === "string" ? responseOfItem(id) : null;
}

/** A client may refer to the same call twice, once for the call and once for its result. */
function withoutRepeats(items: readonly ResponseItem[]): readonly ResponseItem[] {
  const seen = new Set<string>();
  return items.filter(({ type, id }) => {
    if (type !== "mcp_call" || typeof id !== "string") return true;
    const isNew = !seen.has(id);
    seen.add(id);
    return isNew;
  });
}

/** Items we wrote have the fields of items we read. */
function asItem(item: JsonObject): ResponseItem {
  const text = (field: string) => {
    const value = item[field];
    return typeof value === "string" ? { [field]: value } : {};
  };
  const content = item["content"];
  return {
    ...text("type"),
    ...text("id"),
    ...text("role"),
    ...text("call_id"),
    ...text("name"),
    ...text("arguments"),
    ...text("output"),
    ...text("error"),
    ...(Array.isArray(content) && { content: content.flatMap(asPart) }),
  };
}

function asPart(part: unknown): readonly ({ type: string } & JsonObject)[] {
  return isJsonObject(part) && typeof part["type"] === "string"
    ? [{ ...part, type: part["type"] }]
    : [];
}

async function loadPrevious(
  { previous_response_id: id }: ResponseRequest,
  { responses }: Ports,
): Promise<Result<StoredResponse | null, GatewayError>> {
  if (id === undefined || id === null) return ok(null);
  const stored = await responses.load(id);
  if (stored === null) return fail({ code: "previous_response_not_found", id });
  if (stored.conversation === null) {
    const message = `The response ${id} is not done or failed; there is nothing to go on from.`;
    return invalid([{ pointer: "/previous_response_id", message }]);
  }
  return ok(stored);
}

/** The conversation so far with the input behind it; results of the client's calls go under the model's ids. */
function messagesAfter(
  previous: StoredResponse | null,
  { messages }: ReadInput,
): readonly JsonObject[] {
  const conversation = previous?.conversation ?? null;
  if (conversation === null) return messages;
  const { clientIds } = conversation;
  const added = messages.map((message): JsonObject => {
    const id = message["tool_call_id"];
    const modelId = typeof id === "string" && Object.hasOwn(clientIds, id) ? clientIds[id] : null;
    return typeof modelId === "string" ? { ...message, tool_call_id: modelId } : message;
  });
  return [...conversation.messages, ...added];
}

function invalid(violations: readonly Violation[]): Result<never, GatewayError> {
  return fail({ code: "validation_failed", violations });
}
