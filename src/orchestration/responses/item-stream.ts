/**
 * The run's events as the events and items of a response, in the order OpenAI's own streams have.
 *
 * Pure: the same run events give the same ids and numbers, so a stored stream can be read again from any number on. One
 * `sequence_number` counts all events. An item takes its `output_index` when it is added: gateway calls in the model's
 * order, a client's call when the model names it; their events interleave and each is done as it ends. At the end every
 * item is done, whatever cut the run short.
 */

import type { ChatEvent } from "../../contract/chat.ts";
import type { GatewayError } from "../../contract/error.ts";
import type { GatewayCallEvent } from "../../contract/gateway-call.ts";
import type {
  ListedToolset,
  ResponseBegun,
  ResponseEvent,
  ResponseFinished,
  ResponseObject,
  ResponseRunEvent,
} from "../../contract/response.ts";
import { callOutput, ITEM_BUDGET } from "./call-output.ts";
import { OWN_TOOLSET } from "./choose-tools.ts";
import { type Draft, OutputItems, type UnnumberedEvent } from "./output-items.ts";
import { failedResponse, finishedResponse, shortResponse } from "./response-object.ts";
import { TextItems } from "./text-items.ts";

/** Makes the events of one response; `begun` is the first thing its run said. */
export class ItemStream {
  readonly #skeleton: ResponseObject;
  readonly #toolsets: readonly ListedToolset[];
  readonly #items: OutputItems;
  readonly #texts: TextItems;
  /** Items of the client's own calls by their index. */
  readonly #clientCalls = new Map<number, Draft>();
  readonly #gatewayCalls = new Map<string, Draft>();
  #budget = ITEM_BUDGET;
  #sequence = 0;
  #isStarted = false;
  #isRunning = false;

  constructor({ skeleton, toolsets }: ResponseBegun) {
    this.#skeleton = skeleton;
    this.#toolsets = toolsets;
    this.#items = new OutputItems(skeleton.id);
    this.#texts = new TextItems(this.#items);
  }

  /** What `event` adds. A run that failed before anything was said adds nothing: the request was refused. */
  take(event: ResponseRunEvent): readonly ResponseEvent[] {
    switch (event.type) {
      case "response_begun":
        return event.isQueued ? this.#queue() : [];
      case "started":
        return this.#start();
      case "delta":
        return this.#numbered(this.#texts.delta(event.delta, event.logprobs));
      case "client_call":
        return this.#numbered([...this.#texts.close(), ...this.#openClientCall(event)]);
      case "client_call_arguments":
        return this.#numbered(this.#clientArguments(event.index, event.delta));
      case "gateway_call":
        return this.#numbered([...this.#closeModelItems(), ...this.#openGatewayCall(event)]);
      case "gateway_call_progress":
        return this.#numbered(this.#progressed(event));
      case "gateway_call_ended":
        return this.#numbered(this.#endGatewayCall(event));
      case "approval_request":
        return this.#numbered([...this.#closeModelItems(), ...this.#askApproval(event)]);
      case "finished":
        return this.#finish(event);
      case "failed":
        return this.#isStarted ? this.#fail(event.error) : [];
      case "meta":
      case "tool":
        break;
    }
    return [];
  }

  /** The first events of a response that has not begun to run. */
  #queue(): readonly ResponseEvent[] {
    this.#isStarted = true;
    const response = shortResponse(this.#skeleton, "queued");
    return this.#numbered([
      { type: "response.created", response },
      { type: "response.queued", response },
    ]);
  }

  /** The first events of a response that runs; nothing the second time. */
  #start(): readonly ResponseEvent[] {
    if (this.#isRunning) return [];
    const response = shortResponse(this.#skeleton, "in_progress");
    const events: UnnumberedEvent[] = this.#isStarted
      ? []
      : [{ type: "response.created", response }];
    events.push({ type: "response.in_progress", response });
    for (const toolset of this.#toolsets) events.push(...this.#listTools(toolset));
    this.#isStarted = true;
    this.#isRunning = true;
    return this.#numbered(events);
  }

  /** The last events of a run that ended by itself or by a limit. */
  #finish(event: ResponseFinished): readonly ResponseEvent[] {
    const events = this.#closeModelItems();
    const response = finishedResponse(this.#skeleton, this.#items.output, event);
    return this.#numbered([...events, { type: `response.${response.status}`, response }]);
  }

  /** The last events of a run that broke. */
  #fail(error: GatewayError): readonly ResponseEvent[] {
    const events = this.#closeModelItems("incomplete");
    const response = failedResponse(this.#skeleton, this.#items.output, error);
    return this.#numbered([...events, { type: "response.failed", response }]);
  }

  #labelOf(name: string): string {
    const toolset = this.#toolsets.find(({ tools }) => tools.some((tool) => tool.name === name));
    return toolset?.label ?? OWN_TOOLSET;
  }

  #listTools({ label, tools }: ListedToolset): readonly UnnumberedEvent[] {
    const item = { type: "mcp_list_tools", server_label: label, tools: [] };
    const draft = this.#items.add("mcpl", item);
    return [
      draft.added(),
      draft.event("response.mcp_list_tools.in_progress"),
      draft.event("response.mcp_list_tools.completed"),
      draft.done({ tools }),
    ];
  }

  #openClientCall(event: Extract<ChatEvent, { type: "client_call" }>): readonly UnnumberedEvent[] {
    const { index, id, name } = event;
    const fields = {
      type: "function_call",
      status: "in_progress",
      arguments: "",
      call_id: id,
      name,
    };
    const draft = this.#items.add("fc", fields);
    this.#clientCalls.set(index, draft);
    return [draft.added()];
  }

  #clientArguments(index: number, delta: string): readonly UnnumberedEvent[] {
    const draft = this.#clientCalls.get(index);
    if (draft === undefined) return [];
    draft.text += delta;
    return [draft.event("response.function_call_arguments.delta", { delta })];
  }

  /** Texts and the client's calls of a turn are whole once the model has ended it. */
  #closeModelItems(status: "completed" | "incomplete" = "completed"): readonly UnnumberedEvent[] {
    const events = [...this.#texts.close(status)];
    for (const draft of this.#clientCalls.values()) {
      const { text } = draft;
      events.push(draft.event("response.function_call_arguments.done", { arguments: text }));
      events.push(draft.done({ status, arguments: text }));
    }
    this.#clientCalls.clear();
    if (status === "completed") return events;
    for (const [id] of this.#gatewayCalls)
      events.push(...this.#endGatewayCall({ ...LOST_CALL, id }));
    return events;
  }

  #openGatewayCall(
    event: Extract<GatewayCallEvent, { type: "gateway_call" }>,
  ): readonly UnnumberedEvent[] {
    const { id, name, argumentsJson, approvalId } = event;
    const draft = this.#items.add("mcp", {
      type: "mcp_call",
      status: "in_progress",
      approval_request_id: approvalId ?? null,
      arguments: "",
      error: null,
      name,
      output: null,
      server_label: this.#labelOf(name),
    });
    draft.text = argumentsJson;
    this.#gatewayCalls.set(id, draft);
    return [
      draft.added(),
      draft.event("response.mcp_call.in_progress"),
      draft.event("response.mcp_call_arguments.delta", { delta: argumentsJson }),
      draft.event("response.mcp_call_arguments.done", { arguments: argumentsJson }),
    ];
  }

  /** An extension event: clients that do not know it pass it over. Source: Open Responses, extended events. */
  #progressed({
    id,
    progress,
  }: Extract<GatewayCallEvent, { type: "gateway_call_progress" }>): readonly UnnumberedEvent[] {
    const draft = this.#gatewayCalls.get(id);
    return draft === undefined ? [] : [draft.event("gw:tool_progress", { ...progress })];
  }

  #endGatewayCall(
    event: Pick<
      Extract<GatewayCallEvent, { type: "gateway_call_ended" }>,
      "id" | "outputJson" | "error" | "status"
    >,
  ): readonly UnnumberedEvent[] {
    const draft = this.#gatewayCalls.get(event.id);
    if (draft === undefined) return [];
    this.#gatewayCalls.delete(event.id);
    const { output, error } = callOutput(event, this.#budget);
    this.#budget -= output?.length ?? 0;
    const status = error === null ? "completed" : "failed";
    return [
      draft.event(`response.mcp_call.${status}`),
      draft.done({ status, arguments: draft.text, output, error }),
    ];
  }

  #askApproval(
    event: Extract<GatewayCallEvent, { type: "approval_request" }>,
  ): readonly UnnumberedEvent[] {
    const { approvalId, name, argumentsJson } = event;
    const draft = this.#items.addNamed(approvalId, {
      type: "mcp_approval_request",
      arguments: argumentsJson,
      name,
      server_label: this.#labelOf(name),
    });
    return [draft.added(), draft.done({})];
  }

  #numbered(events: readonly UnnumberedEvent[]): readonly ResponseEvent[] {
    return events.map(({ type, ...rest }) => {
      const sequence_number = this.#sequence;
      this.#sequence += 1;
      return { type, sequence_number, ...rest };
    });
  }
}

/** A call that was under way when the run broke. */
const LOST_CALL = {
  status: "cancelled",
  outputJson: null,
  error: { code: "cancelled", message: "The run ended before the call did." },
} as const;
