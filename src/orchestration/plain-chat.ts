/**
 * PlainChat: a chat completion in which the gateway has no part of its own, because no tool of its is offered and no turn
 * of its is in the conversation. One question to the model, and what it says is handed on as it comes.
 *
 * It says what `runChat` would say, without a loop, a channel or anything that calls would need: most requests that only
 * pass through are these, and each of those things costs every one of them. The reader pulls, so a slow one slows the
 * model. The last event is always exactly one `finished` or `failed`; leaving it, or the caller's signal, ends the request.
 */

import type { ChatEvent, ChatRequest, ModelEvent, StoppedBy } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import type { JsonObject } from "../platform/canonical-json.ts";
import { ChatAccount } from "./chat-account.ts";
import { checkRequest, innerBody, messagesOf } from "./chat-request.ts";
import { CALLS_ARE_MEANT } from "./chat-turn.ts";
import { isClientCallId } from "./hidden-turn.ts";
import type { ChatPorts, ChatRun } from "./ports.ts";
import { createStop, type Stop, type StopReason } from "./stop.ts";

/** A plain chat that has begun. */
export interface PlainChat {
  /** Leaving it early stops the request. */
  readonly events: AsyncIterableIterator<ChatEvent, undefined>;
  /** Resolves when nothing is open any more. Never rejects. */
  readonly ended: Promise<void>;
}

/** Whether no call of the request can be the gateway's: it offers none, and none of its turns is in the conversation. */
export function isPlainChat({ messages }: ChatRequest, offered: number): boolean {
  return (
    offered === 0 &&
    !messages.some(({ tool_calls: calls }) => calls?.some(({ id }) => isClientCallId(id)))
  );
}

/** Starts it; the model is asked when its first event is. */
export function plainChat(
  run: Pick<ChatRun, "id" | "request"> & { readonly deadlineAtMs: number },
  ports: Pick<ChatPorts, "clock" | "askModel">,
  signal: AbortSignal,
): PlainChat {
  const answer = new PlainAnswer(run, ports, signal);
  return { events: answer, ended: answer.ended };
}

type Finished = Extract<ChatEvent, { type: "finished" }>;

class PlainAnswer implements AsyncIterableIterator<ChatEvent, undefined> {
  readonly ended: Promise<void>;
  readonly #run: Pick<ChatRun, "id" | "request">;
  readonly #askModel: ChatPorts["askModel"];
  readonly #stop: Stop;
  readonly #account: ChatAccount;
  readonly #resolveEnded: () => void;
  #model: AsyncIterator<ModelEvent> | null = null;
  #isOver = false;
  /** The client's place of each call of the model. */
  readonly #calls = new Map<number, number>();
  #degradedTo: string | undefined;
  #callCount = 0;
  #finishReason: string | null = null;
  #usage: { readonly usage: JsonObject; readonly saved?: JsonObject } = { usage: {} };

  constructor(
    run: Pick<ChatRun, "id" | "request"> & { readonly deadlineAtMs: number },
    { clock, askModel }: Pick<ChatPorts, "clock" | "askModel">,
    signal: AbortSignal,
  ) {
    this.#run = run;
    this.#askModel = askModel;
    this.#account = new ChatAccount(run.id);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    this.#stop = createStop(clock, run.deadlineAtMs, signal);
    // Somebody who has gone reads no further, and then nothing else would end it.
    this.#stop.onStop(() => this.#close());
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<ChatEvent, undefined>> {
    if (this.#isOver) return { done: true, value: undefined };
    const value = this.#model === null ? await this.#ask() : await this.#read(this.#model);
    if (value.type === "finished" || value.type === "failed") {
      this.#isOver = true;
      this.#close();
    }
    return { done: false, value };
  }

  return(): Promise<IteratorResult<ChatEvent, undefined>> {
    this.#isOver = true;
    this.#close();
    return Promise.resolve({ done: true, value: undefined });
  }

  async #ask(): Promise<ChatEvent> {
    const { id, request } = this.#run;
    const refused = checkRequest(request, []);
    if (refused !== null) return this.#failed(refused);
    const body = innerBody(request, [], messagesOf(request), 1);
    const asked = await this.#stop.race(this.#askModel(body, this.#stop.signal));
    if (!asked.ok) return this.#stopped(asked.error);
    if (!asked.value.ok) {
      const reason = this.#stop.reason();
      return reason === null ? this.#failed(asked.value.error) : this.#stopped(reason);
    }
    this.#model = asked.value.value[Symbol.asyncIterator]();
    this.#account.beginTurn();
    return { type: "started", run: id, model: request.model };
  }

  /** The next thing the model says that a client hears of. */
  async #read(model: AsyncIterator<ModelEvent>): Promise<ChatEvent> {
    for (;;) {
      const next = await this.#stop.race(model.next());
      if (!next.ok) return this.#stopped(next.error);
      if (next.value.done === true) return this.#atTheEnd();
      const event = next.value.value;
      if (event.type === "failed") {
        // A stream that was aborted breaks too; then the stop is the reason.
        const reason = this.#stop.reason();
        return reason === null ? this.#failed(event.error) : this.#stopped(reason);
      }
      const said = this.#take(event);
      if (said !== null) return said;
    }
  }

  #take(event: Exclude<ModelEvent, { type: "failed" }>): ChatEvent | null {
    switch (event.type) {
      case "delta":
      case "meta":
        return event;
      case "call": {
        const { id, name, isCustom } = event;
        const index = this.#callCount;
        this.#callCount += 1;
        this.#calls.set(event.index, index);
        return { type: "client_call", index, id, name, ...(isCustom && { isCustom }) };
      }
      case "call_arguments": {
        const index = this.#calls.get(event.index);
        return index === undefined
          ? null
          : { type: "client_call_arguments", index, delta: event.delta };
      }
      case "usage":
        // A provider that counts while it streams repeats the total: the last one is the turn's.
        this.#usage = event;
        return null;
      case "degraded":
        this.#degradedTo = event.model;
        return null;
      case "finish":
        this.#finishReason = event.reason;
        return null;
    }
  }

  #atTheEnd(): ChatEvent {
    const reason = this.#finishReason;
    if (reason === null) return this.#failed({ code: "upstream_invalid_response" });
    // A provider's `tool_calls` without a call the client can see would be an inner turn's end.
    const isInner = this.#callCount === 0 && reason !== "stop" && CALLS_ARE_MEANT.has(reason);
    return this.#finished(isInner ? "stop" : reason);
  }

  /** At the deadline what was said so far stands; before the first byte there is nothing to stand. */
  #stopped(reason: StopReason): ChatEvent {
    if (reason === "cancelled") return this.#failed({ code: "cancelled" });
    if (this.#model === null) return this.#failed({ code: "deadline_exceeded" });
    return this.#finished("length", "deadline");
  }

  #failed(error: GatewayError): ChatEvent {
    return { type: "failed", error, run: this.#run.id };
  }

  #finished(finishReason: string, stoppedBy?: StoppedBy): Finished {
    const degradedTo = this.#degradedTo;
    this.#account.addUsage(degradedTo === undefined ? this.#usage : { ...this.#usage, degradedTo });
    const rest = stoppedBy === undefined ? {} : { stopped_by: stoppedBy };
    return this.#account.finished(finishReason, rest);
  }

  /** Ends what is open, without waiting for it: a stream that ignores its signal must not hold the answer. */
  #close(): void {
    this.#stop.release();
    void this.#model?.return?.().catch(() => undefined);
    this.#resolveEnded();
  }
}
