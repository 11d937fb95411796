/** Responses in plain Node: stores in memory, a model that plays given turns, and lanes that note what they run. */

import type { ModelEvent } from "../../src/contract/chat.ts";
import type { HeldTurn } from "../../src/contract/gateway-call.ts";
import type {
  ResponseEvent,
  ResponseRequest,
  ResponseRunEvent,
  StoredResponse,
} from "../../src/contract/response.ts";
import type { Lane, OfferedTool, PlannedCall, ToolBox } from "../../src/orchestration/ports.ts";
import { ItemStream } from "../../src/orchestration/responses/item-stream.ts";
import type { ApprovalStore, OpenTurn } from "../../src/orchestration/responses/ports.ts";
import { runResponse } from "../../src/orchestration/responses/run-response.ts";
import type { Json, JsonObject } from "../../src/platform/canonical-json.ts";
import { ok } from "../../src/platform/result.ts";
import { toolBox } from "./chat-tool-box.ts";
import { succeeded } from "./fake-lanes.ts";

/** A tool `read`, and `ask` and `pay`, whose calls have to be approved. */
export const TOOLS: readonly OfferedTool[] = ["read", "ask", "pay"].map((name) => ({
  wireName: name,
  name,
  description: `Tool ${name}.`,
  input: { type: "object" },
  ...(name !== "read" && { needsApproval: true }),
}));

/** One turn of the model: a text, or the names of the tools it calls. */
export type ScriptedTurn = string | readonly string[];

/** What one response said. */
export interface Said {
  readonly runEvents: readonly ResponseRunEvent[];
  readonly events: readonly ResponseEvent[];
  /** Null when the request was refused; then `refusal` has the code. */
  readonly last: ResponseEvent | null;
  readonly refusal: string | null;
}

interface KeptTurn {
  readonly keyId: string;
  readonly turn: HeldTurn;
  readonly owners: Map<string, string>;
  readonly contents: Map<string, Json>;
}

/** What a scene is made of. */
export interface ResponseSetup {
  /** Turns of the model, in order, over all responses. */
  readonly turns: readonly ScriptedTurn[];
  /** Awaited wherever a port would wait, so that interleavings can be played. */
  readonly wait?: () => Promise<void>;
}

/** One tenant's responses. */
export class ResponseScene {
  /** Every call a lane was given, in order. */
  readonly ran: PlannedCall[] = [];
  readonly stored = new Map<string, StoredResponse>();
  readonly held = new Map<string, KeptTurn>();
  /** Version of every tool's definition. */
  toolVersion = 1;
  readonly #setup: ResponseSetup;
  #ids = 0;
  #turns = 0;

  constructor(setup: ResponseSetup) {
    this.#setup = setup;
  }

  /** Makes one response with the key `keyId`. */
  async respond(
    request: Pick<ResponseRequest, "input"> & Partial<ResponseRequest>,
    keyId = "key-1",
  ): Promise<Said> {
    const suffix = this.#suffix();
    const runEvents: ResponseRunEvent[] = [];
    await runResponse(
      {
        id: `resp_${suffix}`,
        runId: `run_${suffix}`,
        request: { model: "m", ...request },
        bounds: {
          maxTurns: 8,
          maxCalls: 256,
          maxParallel: 8,
          deadlineMs: 60_000,
          earlyStart: true,
        },
        createdAtS: 1,
      },
      {
        clock: {
          now: () => 0,
          sleep: (_, signal) =>
            new Promise((resolve) => {
              if (signal.aborted) resolve();
              else signal.addEventListener("abort", () => resolve(), { once: true });
            }),
        },
        lanes: { lanes: () => [this.#lane()], close: () => undefined },
        tools: this.#tools(),
        turns: { save: () => this.#wait(), load: () => Promise.resolve(null) },
        results: {
          maxTokensPerTurn: 100_000,
          keep: () => Promise.resolve(false),
          read: () => Promise.resolve(null),
        },
        responses: {
          save: async (id, stored) => {
            await this.#wait();
            this.stored.set(id, structuredClone(stored));
            return true;
          },
          load: async (id) => {
            await this.#wait();
            return this.stored.get(id) ?? null;
          },
        },
        approvals: this.#approvals(keyId, `run_${suffix}`),
        newId: (prefix) => `${prefix}_${this.#suffix()}`,
        askModel: async (_body: JsonObject) => {
          await this.#wait();
          return ok(this.#play());
        },
        nowS: () => 2,
        emit: async (event) => {
          runEvents.push(structuredClone(event));
        },
      },
      new AbortController().signal,
    );
    return said(runEvents);
  }

  #suffix(): string {
    this.#ids += 1;
    return String(this.#ids).padStart(22, "0");
  }

  #wait(): Promise<void> {
    return this.#setup.wait?.() ?? Promise.resolve();
  }

  #lane(): Lane {
    return {
      slots: 8,
      run: async (call) => {
        this.ran.push(call);
        await this.#wait();
        return succeeded({ ran: call.tool });
      },
    };
  }

  #tools(): ToolBox {
    const box = toolBox({ offered: TOOLS });
    const versioned = (call: PlannedCall) => ({ ...call, toolVersion: this.toolVersion });
    return {
      ...box,
      plan(id, wireName, argumentsJson) {
        const planned = box.plan(id, wireName, argumentsJson);
        return planned.ok ? ok(versioned(planned.value)) : planned;
      },
    };
  }

  async *#play(): AsyncGenerator<ModelEvent> {
    const turn = this.#setup.turns[this.#turns] ?? "Over.";
    this.#turns += 1;
    if (typeof turn === "string") {
      yield { type: "delta", delta: { content: turn } };
      yield { type: "finish", reason: "stop" };
      return;
    }
    for (const [index, name] of turn.entries()) {
      this.#ids += 1;
      yield { type: "call", index, id: `call-${this.#ids}`, name };
      yield { type: "call_arguments", index, delta: JSON.stringify({ n: this.#ids }) };
    }
    yield { type: "finish", reason: "tool_calls" };
  }

  #approvals(keyId: string, owner: string): ApprovalStore {
    const open = (kept: KeptTurn | undefined, own: string | null): OpenTurn | null => {
      if (kept?.keyId !== keyId) return null;
      const claimed = [...kept.owners].filter(([, by]) => by !== own).map(([id]) => id);
      const calls = kept.turn.calls.map((call) => ({
        ...call,
        content: call.content ?? kept.contents.get(call.id) ?? null,
      }));
      return { turn: { ...kept.turn, calls }, claimed: new Set(claimed) };
    };
    return {
      hold: async (turnId, turn) => {
        await this.#wait();
        const kept = { keyId, turn: structuredClone(turn), owners: new Map(), contents: new Map() };
        this.held.set(turnId, kept);
      },
      load: async (turnId) => {
        await this.#wait();
        return open(this.held.get(turnId), owner);
      },
      claim: async (turnId, ids) => {
        await this.#wait();
        const owners = this.held.get(turnId)?.owners;
        if (owners === undefined || ids.some((id) => owners.has(id))) return false;
        for (const id of ids) owners.set(id, owner);
        return true;
      },
      settle: async (turnId, contents) => {
        await this.#wait();
        const kept = this.held.get(turnId);
        for (const [id, content] of contents)
          if (kept?.contents.has(id) === false) kept.contents.set(id, content);
        return open(kept, null);
      },
    };
  }
}

/** The stream a reader of these run events makes. */
export function said(runEvents: readonly ResponseRunEvent[]): Said {
  let stream: ItemStream | null = null;
  const events: ResponseEvent[] = [];
  for (const event of runEvents) {
    if (event.type === "response_begun") stream = new ItemStream(event);
    events.push(...(stream?.take(event) ?? []));
  }
  const end = runEvents.at(-1);
  const refusal = end?.type === "failed" && events.length === 0 ? end.error.code : null;
  return { runEvents, events, last: events.at(-1) ?? null, refusal };
}
