/**
 * The run of one response: the same model loop as a chat completion, said as items, and kept so that a later response can
 * go on from it.
 *
 * A request that cannot be carried out, or a model that refuses before it has said anything, is the single event
 * `failed`; after that every end is one of the response's own. What is said are the run's events: whoever reads them, now
 * or from a log, makes the response's events of them with an `ItemStream`. The response is kept before its end is said, so
 * whoever has read that can go on from it; one that is too large to be kept says `store: false`.
 */

import type { ChatEvent } from "../../contract/chat.ts";
import type { GatewayError } from "../../contract/error.ts";
import type { Conversation } from "../../contract/gateway-call.ts";
import type { ResponseBegun, ResponseObject, ResponseRunEvent } from "../../contract/response.ts";
import { Abort } from "../../platform/abort.ts";
import type { JsonObject } from "../../platform/canonical-json.ts";
import type { Result } from "../../platform/result.ts";
import { ChatAccount } from "../chat-account.ts";
import { turnMessages } from "../held-calls.ts";
import type { ChatPorts } from "../ports.ts";
import { runChat, SAVE_LIMIT_MS } from "../run-chat.ts";
import { stoppableResults } from "../results/stoppable-results.ts";
import { createStop, type Stop } from "../stop.ts";
import { beginResponse, type Beginning } from "./begin-response.ts";
import { chatBody, instructionsOf } from "./chat-body.ts";
import { ItemStream } from "./item-stream.ts";
import { listedToolsets } from "./listed-toolsets.ts";
import { askingLanes } from "./marked-tools.ts";
import type { ResponsePorts, ResponseRun } from "./ports.ts";
import { responseSkeleton } from "./response-object.ts";
import { claimCalls, resumeTurn, type ResumedTurn } from "./resume-turn.ts";

/** Makes one response; every outcome is an event. */
export async function runResponse(
  run: ResponseRun,
  ports: ResponsePorts,
  signal: AbortSignal,
): Promise<void> {
  const startedAtMs = run.startedAtMs ?? ports.clock.now();
  const { clock } = ports;
  const deadlineAtMs = startedAtMs + run.bounds.deadlineMs;
  const stop = createStop(clock, deadlineAtMs, signal);
  try {
    const begun = await within(stop, beginResponse(run.request, ports));
    if (!begun.ok) return await ports.emit({ type: "failed", error: begun.error, run: run.runId });
    const results = stoppableResults(ports.results, clock, deadlineAtMs, signal);
    const whole = { ...ports, results };
    await new Responding(run, whole, begun.value, startedAtMs, signal).toTheEnd();
  } finally {
    stop.release();
    ports.lanes.close();
  }
}

class Responding {
  readonly #run: ResponseRun;
  readonly #ports: ResponsePorts;
  readonly #begun: Beginning;
  readonly #startedAtMs: number;
  readonly #signal: AbortSignal;
  readonly #first: ResponseBegun;
  /** The same stream its readers make, for the response that is kept. */
  readonly #stream: ItemStream;
  #isBegun = false;

  constructor(
    run: ResponseRun,
    ports: ResponsePorts,
    begun: Beginning,
    startedAtMs: number,
    signal: AbortSignal,
  ) {
    this.#run = run;
    this.#ports = { ...ports, lanes: askingLanes(ports.lanes, begun.chosen.asked) };
    this.#begun = begun;
    this.#startedAtMs = startedAtMs;
    this.#signal = signal;
    this.#first = {
      type: "response_begun",
      skeleton: responseSkeleton(run.id, run.request, run.createdAtS),
      toolsets: listedToolsets(begun.tools.offered),
      isQueued: run.request.background === true,
    };
    this.#stream = new ItemStream(this.#first);
  }

  async toTheEnd(): Promise<void> {
    const { messages, resumption } = this.#begun;
    const { skeleton, isQueued } = this.#first;
    if (isQueued) {
      await this.#keep(skeleton, null);
      await this.#begin();
    }
    if (resumption === null) return this.#chat(messages, null);
    const refused = await claimCalls(resumption, this.#ports);
    if (refused !== null) return this.#fail(refused);
    await this.#say({ type: "started", run: this.#run.runId, model: this.#run.request.model });
    const emit = (event: ChatEvent) => this.#take(event, 0, null);
    const ports = { ...this.#ports, tools: this.#begun.tools, emit };
    const resumed = await resumeTurn(resumption, this.#run, this.#startedAtMs, ports, this.#signal);
    if (!resumed.ok) return this.#fail(resumed.error);
    if (this.#signal.aborted) return this.#fail({ code: "cancelled" });
    const { turn, isWhole } = resumed.value;
    if (!isWhole) return this.#holdAgain(resumption.turnId, resumed.value);
    const whole = turnMessages(turn.assistant, turn.calls);
    return this.#chat([...messages, ...whole, ...resumption.added], resumed.value);
  }

  /** The model's turns, from `messages` on. */
  #chat(messages: readonly JsonObject[], resumed: ResumedTurn | null): Promise<void> {
    const { runId, request, bounds } = this.#run;
    const { chosen, tools } = this.#begun;
    const before = instructionsOf(request).length;
    const spentMs = this.#ports.clock.now() - this.#startedAtMs;
    const most = Math.min(bounds.maxCalls, request.max_tool_calls ?? bounds.maxCalls);
    const ports: ChatPorts = {
      ...this.#ports,
      tools,
      holdTurn: (turnId, turn) =>
        this.#ports.approvals.hold(turnId, { ...turn, messages: turn.messages.slice(before) }),
      emit: (event) => this.#take(event, before, resumed),
    };
    const chat = {
      id: runId,
      request: chatBody(request, messages, chosen),
      bounds: {
        ...bounds,
        maxCalls: Math.max(0, most - (resumed?.executed.executed ?? 0)),
        deadlineMs: Math.max(0, bounds.deadlineMs - spentMs),
      },
      asItems: true as const,
    };
    return runChat(chat, ports, this.#signal);
  }

  async #take(event: ChatEvent, before: number, resumed: ResumedTurn | null): Promise<void> {
    if (event.type === "failed") return this.#fail(event.error);
    if (event.type !== "finished") return this.#say(event);
    const { conversation, ...end } = event;
    const kept = conversation && {
      ...conversation,
      messages: conversation.messages.slice(before),
    };
    return this.#finish(withCalls(end, resumed), kept ?? null);
  }

  /** Requests nobody has answered yet are asked again; the turn stays where it is. */
  async #holdAgain(turnId: string, resumed: ResumedTurn): Promise<void> {
    const { turn } = resumed;
    for (const { held, content } of turn.calls) {
      if (held === null || content !== null) continue;
      const { approvalId, tool: name, argumentsJson } = held;
      await this.#say({ type: "approval_request", approvalId, name, argumentsJson });
    }
    const end = new ChatAccount(this.#run.runId).finished("tool_calls", {});
    const conversation = { messages: turn.messages, clientIds: {}, heldTurn: turnId };
    return this.#finish(withCalls(end, resumed), conversation);
  }

  /** Says the end once the response is kept. */
  async #finish(
    end: Extract<ChatEvent, { type: "finished" }>,
    conversation: Conversation | null,
  ): Promise<void> {
    const isWanted = this.#run.request.store !== false;
    const finished = { ...end, completedAtS: this.#ports.nowS(), isKept: isWanted };
    const response = this.#stream.take(finished).at(-1)?.response;
    const isKept = response !== undefined && (await this.#keep(response, conversation));
    return this.#ports.emit({ ...finished, isKept });
  }

  async #fail(error: GatewayError): Promise<void> {
    const failed = { type: "failed", error, run: this.#run.runId } as const;
    const response = this.#stream.take(failed).at(-1)?.response;
    if (response !== undefined) await this.#keep(response, null);
    return this.#ports.emit(failed);
  }

  /** False when the response is not kept: the client did not want it, or it could not be. */
  async #keep(response: ResponseObject, conversation: Conversation | null): Promise<boolean> {
    if (this.#run.request.store === false) return false;
    const { clock, responses } = this.#ports;
    const limit = createStop(clock, clock.now() + SAVE_LIMIT_MS, new Abort().signal);
    const saved = await limit.race(responses.save(response.id, { response, conversation }));
    limit.release();
    return saved.ok && saved.value;
  }

  /** Not before there is something to say: a request that was refused has not begun. */
  async #begin(): Promise<void> {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#stream.take(this.#first);
    await this.#ports.emit(this.#first);
  }

  async #say(event: Exclude<ResponseRunEvent, { type: "finished" }>): Promise<void> {
    await this.#begin();
    this.#stream.take(event);
    await this.#ports.emit(event);
  }
}

/** What `work` comes to, or the failure a stop is. */
async function within<T>(
  stop: Stop,
  work: Promise<Result<T, GatewayError>>,
): Promise<Result<T, GatewayError>> {
  const raced = await stop.race(work);
  if (raced.ok) return raced.value;
  const code = raced.error === "deadline" ? "deadline_exceeded" : "cancelled";
  return { ok: false, error: { code } };
}

/** The account of a response whose first calls were made before the model was asked. */
function withCalls(
  event: Extract<ChatEvent, { type: "finished" }>,
  resumed: ResumedTurn | null,
): Extract<ChatEvent, { type: "finished" }> {
  if (resumed === null) return event;
  const { executed, cacheHits, savedMs, lanesUsed } = resumed.executed;
  const { summary } = event;
  return {
    ...event,
    summary: {
      ...summary,
      calls: summary.calls + executed,
      cache_hits: summary.cache_hits + cacheHits,
      saved_ms: summary.saved_ms + savedMs,
      shards: Math.max(summary.shards, lanesUsed),
    },
  };
}
