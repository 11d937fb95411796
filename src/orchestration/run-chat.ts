/**
 * The model loop: asks the model, runs the gateway calls it makes, gives it the results and asks again, until it answers,
 * calls the client's own tools, or meets a limit. The client sees one assistant message and one end.
 *
 * The last event is always exactly one `finished` or `failed`, and the lanes are closed before it. Limits (turns, calls,
 * deadline) end a run with what it has, finish reason `length` and the limit's name; a failing tool is the model's
 * business; a failing model fails the run. When the client goes, everything stops. Calls whose results no model would
 * read any more (last turn, arguments cut off by the provider) are not executed.
 */

import type { ChatEvent, StoppedBy } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import type { JsonObject } from "../platform/canonical-json.ts";
import { callNaming, type NamingScope } from "./call-naming.ts";
import { ChatAccount } from "./chat-account.ts";
import { ChatAnswer } from "./chat-answer.ts";
import { assistantMessage, toolMessages, withSafeArguments } from "./chat-messages.ts";
import { checkRequest, createOwnership, messagesOf } from "./chat-request.ts";
import { executeGatewayCalls, type GatewayCalls } from "./chat-tools.ts";
import {
  CALLS_ARE_MEANT,
  type ModelTurn,
  readTurn,
  type SplitTurn,
  splitTurn,
  type TurnCall,
} from "./chat-turn.ts";
import { type ConversationEnd, endOfTurn, NO_END } from "./conversation-end.ts";
import { openTurn } from "./early-start/open-turn.ts";
import { type OwnPorts, withPrograms } from "./early-start/program-starts.ts";
import type { TurnCalls } from "./early-start/turn-calls.ts";
import { type AskedCalls, heldTurn, holdCalls } from "./held-calls.ts";
import { hiddenTurn, restoreHiddenTurns } from "./hidden-turn.ts";
import { TurnPlanner } from "./plan/plan-turn.ts";
import type { ChatPorts, ChatRun } from "./ports.ts";
import { queryable } from "./results/result-query-tool.ts";
import { stoppableResults } from "./results/stoppable-results.ts";
import { createStop, type Stop, type StopReason } from "./stop.ts";
import { searchable } from "./tool-search/tool-search.ts";
import { turnBody } from "./turn-body.ts";

/** How long keeping a hidden turn may take; a turn that could not be kept must not be announced as kept. */
export const SAVE_LIMIT_MS = 2_000;

/** Runs one chat completion; every outcome is an event. */
export async function runChat(run: ChatRun, ports: ChatPorts, signal: AbortSignal): Promise<void> {
  const startedAtMs = run.startedAtMs ?? ports.clock.now();
  const deadlineAtMs = startedAtMs + run.bounds.deadlineMs;
  const stop = createStop(ports.clock, deadlineAtMs, signal);
  const results = stoppableResults(ports.results, ports.clock, deadlineAtMs, signal);
  const whole = searchable(queryable({ ...ports, results }), run.bounds.toolSearchAbove);
  const own = withPrograms(run, whole, startedAtMs, stop.signal);
  let end: ChatEvent;
  try {
    end = await new ChatLoop(run, own, stop, startedAtMs, signal).toTheEnd();
  } finally {
    stop.release();
    await own.programs.close();
    ports.lanes.close();
  }
  await ports.emit(end);
}

class ChatLoop {
  readonly #run: ChatRun;
  readonly #ports: OwnPorts;
  readonly #stop: Stop;
  readonly #startedAtMs: number;
  readonly #signal: AbortSignal;
  readonly #answer: ChatAnswer;
  readonly #account: ChatAccount;
  readonly #naming: NamingScope;
  readonly #plans: TurnPlanner;
  #messages: JsonObject[] = [];
  /** How many of them came with the request; the rest are inner turns of this run. */
  #givenMessages = 0;
  #end: ConversationEnd = NO_END;
  /** Of the turn that goes on. */
  #turnCalls: TurnCalls;

  constructor(run: ChatRun, ports: OwnPorts, stop: Stop, startedAtMs: number, signal: AbortSignal) {
    this.#run = run;
    this.#ports = ports;
    this.#stop = stop;
    this.#startedAtMs = startedAtMs;
    this.#signal = signal;
    this.#answer = new ChatAnswer((event) => ports.emit(event), signal, run.asItems);
    this.#account = new ChatAccount(run.id, ports.programs);
    this.#plans = new TurnPlanner(ports.tools);
    this.#naming = {
      usedIds: new Set(),
      newId: (prefix) => ports.newId(prefix),
      ownerOf: createOwnership(run.request, ports.tools.offered),
    };
    this.#turnCalls = this.#openCalls();
  }

  async toTheEnd(): Promise<ChatEvent> {
    const { request } = this.#run;
    const refused = checkRequest(request, this.#ports.tools.offered);
    if (refused !== null) return this.#failed(refused);
    const restored = await this.#stop.race(
      restoreHiddenTurns(messagesOf(request), (turnId) => this.#ports.turns.load(turnId)),
    );
    if (!restored.ok) return this.#stopped(restored.error);
    if (!restored.value.ok) return this.#failed(restored.value.error);
    this.#messages = [...restored.value.value];
    this.#givenMessages = this.#messages.length;
    for (;;) {
      // First: what is guessed belongs to the turn that begins.
      this.#ports.lanes.beginTurn?.();
      this.#turnCalls = this.#openCalls();
      try {
        const end = await this.#oneTurn();
        if (end !== null) return end;
      } finally {
        await this.#turnCalls.close();
      }
    }
  }

  /** Null when another turn follows; there are at most `maxTurns`. */
  async #oneTurn(): Promise<ChatEvent | null> {
    const { id, request } = this.#run;
    const { offered } = this.#ports.tools;
    const turn = this.#account.turns + 1;
    const body = turnBody(this.#run, this.#ports.tools, this.#messages, turn);
    const asked = await this.#stop.race(this.#ports.askModel(body, this.#stop.signal));
    if (!asked.ok) return this.#stopped(asked.error);
    if (!asked.value.ok) return this.#failedUnlessStopped(asked.value.error);
    this.#account.beginTurn(this.#turnCalls);
    await this.#answer.beginTurn(id, request.model);
    // Ids pass through untouched when no call can be the gateway's; otherwise any turn may turn out mixed.
    const turnId = offered.length === 0 ? null : this.#ports.newId("").slice(1);
    const reading = {
      answer: this.#answer,
      naming: callNaming(turnId, this.#naming),
      watch: this.#turnCalls,
      isFirstTurn: this.#account.turns === 1,
    };
    const read = await readTurn(asked.value.value, reading, this.#stop);
    this.#account.addUsage(read.turn);
    if (read.kind === "failed") return this.#failed(read.error);
    const split = splitTurn(read.turn);
    const isMeant = read.kind === "finished" && CALLS_ARE_MEANT.has(read.finishReason);
    this.#end = endOfTurn(read.turn, null, !isMeant);
    if (read.kind === "stopped") {
      const unkept = await this.#keep(turnId, read.turn, split.client, new Map());
      return unkept ?? this.#stopped(read.reason);
    }
    return this.#afterModel(turnId, split, read.finishReason);
  }

  async #afterModel(
    turnId: string | null,
    split: SplitTurn,
    finishReason: string,
  ): Promise<ChatEvent | null> {
    const { gateway, client } = split;
    if (gateway.length === 0 || !CALLS_ARE_MEANT.has(finishReason)) {
      if (gateway.length === 0) this.#turnCalls.made([]);
      const unkept = await this.#keep(turnId, split.turn, client, new Map());
      if (unkept !== null) return unkept;
      // A provider's `tool_calls` without a call the client can see would be an inner turn's end.
      const isInner =
        client.length === 0 && finishReason !== "stop" && CALLS_ARE_MEANT.has(finishReason);
      return this.#finished(isInner ? "stop" : finishReason);
    }
    const asked = this.#heldOf(turnId, gateway);
    if (asked.held.size > 0) return this.#endHeld(turnId ?? "", split, asked);
    if (client.length > 0) return this.#endMixed(turnId, split);
    if (this.#account.turns >= this.#run.bounds.maxTurns)
      return this.#finished("length", "max_turns");
    const executed = await this.#execute(gateway);
    this.#end = endOfTurn(split.turn, executed, false);
    const reason = this.#stop.reason();
    if (reason !== null) return this.#stopped(reason);
    if (executed.isOverLimit) return this.#finished("length", "max_calls");
    this.#messages.push(assistantMessage(split.turn, executed), ...toolMessages(executed));
    this.#end = NO_END;
    return null;
  }

  /** The client has its half and must come back with it; the gateway's half is done and kept. */
  async #endMixed(turnId: string | null, { turn, gateway }: SplitTurn): Promise<ChatEvent> {
    const executed = await this.#execute(gateway);
    this.#end = endOfTurn(turn, executed, false);
    const reason = this.#stop.reason();
    const unkept = await this.#keep(
      turnId,
      turn,
      withSafeArguments(turn.calls, executed),
      executed.contents,
    );
    if (unkept !== null) return unkept;
    return reason === "cancelled"
      ? this.#stopped(reason)
      : this.#finished("tool_calls", reason === "deadline" ? reason : undefined);
  }

  #heldOf(turnId: string | null, gateway: readonly TurnCall[]): AskedCalls {
    const { holdTurn, tools } = this.#ports;
    if (holdTurn === undefined || turnId === null) return { ready: gateway, held: new Map() };
    return holdCalls(gateway, tools, turnId);
  }

  /** Calls that need no approval are made now; the turn waits, with their results, for somebody's word on the others. */
  async #endHeld(
    turnId: string,
    { turn }: SplitTurn,
    { ready, held }: AskedCalls,
  ): Promise<ChatEvent> {
    const executed = await this.#execute(ready);
    if (this.#stop.reason() === "cancelled") return this.#stopped("cancelled");
    const assistant = assistantMessage(turn, executed);
    const kept = heldTurn(this.#messages, assistant, turn.calls, held, executed);
    const unkept = await this.#save(() => this.#ports.holdTurn?.(turnId, kept));
    if (unkept !== null) return unkept;
    for (const { approvalId, tool: name, argumentsJson } of held.values())
      await this.#answer.item({ type: "approval_request", approvalId, name, argumentsJson });
    this.#end = { ...NO_END, heldTurn: turnId };
    return this.#finished("tool_calls");
  }

  async #execute(calls: readonly TurnCall[]): Promise<GatewayCalls> {
    const executed = await executeGatewayCalls(calls, {
      ports: this.#ports,
      running: this.#turnCalls,
      plans: this.#plans,
      answer: this.#answer,
      callsLeft: this.#run.bounds.maxCalls - this.#account.calls,
      elapsedMs: this.#ports.clock.now() - this.#startedAtMs,
    });
    this.#account.addCalls(executed);
    this.#ports.onReferences?.(this.#plans.takeUse());
    return executed;
  }

  #openCalls(): TurnCalls {
    const { turns, calls } = this.#account;
    const start = { startedAtMs: this.#startedAtMs, turns, calls, messages: this.#messages };
    return openTurn(this.#run, { ...this.#ports, bind: this.#plans.bind }, start, this.#signal);
  }

  /** Keeps the turn when the client saw ids of it; an event when the run has to end because that was not possible. */
  async #keep(
    turnId: string | null,
    { text }: ModelTurn,
    calls: readonly TurnCall[],
    contents: ReadonlyMap<string, string>,
  ): Promise<ChatEvent | null> {
    if (turnId === null || calls.length === 0 || this.#signal.aborted) return null;
    const earlier = this.#messages.slice(this.#givenMessages);
    const kept = hiddenTurn(text, calls, contents, earlier);
    return this.#save(() => this.#ports.turns.save(turnId, kept));
  }

  /** Waits until something is kept; an event when the run has to end because that was not possible. */
  async #save(saving: () => Promise<void> | undefined): Promise<ChatEvent | null> {
    const { clock } = this.#ports;
    const limit = createStop(clock, clock.now() + SAVE_LIMIT_MS, this.#signal);
    const saved = await limit.race(Promise.resolve(saving()));
    limit.release();
    if (saved.ok) return null;
    return this.#failed(
      saved.error === "cancelled"
        ? { code: "cancelled" }
        : { code: "unavailable", retryAfterMs: 1_000 },
    );
  }

  #failed(error: GatewayError): ChatEvent {
    return { type: "failed", error, run: this.#run.id };
  }

  #failedUnlessStopped(error: GatewayError): ChatEvent {
    const reason = this.#stop.reason();
    return reason === null ? this.#failed(error) : this.#stopped(reason);
  }

  /** At the deadline what was said so far stands; before the first byte there is nothing to stand. */
  #stopped(reason: StopReason): ChatEvent {
    if (reason === "cancelled") return this.#failed({ code: "cancelled" });
    if (!this.#answer.isStarted) return this.#failed({ code: "deadline_exceeded" });
    return this.#finished("length", "deadline");
  }

  #finished(finishReason: string, stoppedBy?: StoppedBy): ChatEvent {
    this.#turnCalls.dismiss();
    this.#ports.programs.dismiss();
    const end = this.#account.finished(
      finishReason,
      stoppedBy === undefined ? {} : { stopped_by: stoppedBy },
    );
    if (this.#run.asItems !== true) return end;
    const messages = [...this.#messages, ...this.#end.messages];
    return { ...end, conversation: { ...this.#end, messages } };
  }
}
