/** One life of a conversation, as the assembly puts it together; the model, its tools and the storage are simulated. */

import { runTimes } from "../../src/assembly/durable-run.ts";
import type { ChatEvent } from "../../src/contract/chat.ts";
import { journalModel } from "../../src/orchestration/journal/journal-model.ts";
import { CallNumbers, numberedTools } from "../../src/orchestration/journal/number-calls.ts";
import type { ChatPorts } from "../../src/orchestration/ports.ts";
import { conversationScene } from "../../src/orchestration/speculation/conversation-scene.ts";
import type { Speculation } from "../../src/orchestration/speculation/speculator.ts";
import { TenantMemory } from "../../src/orchestration/speculation/tenant-memory.ts";
import { isJsonObject, type JsonObject } from "../../src/platform/canonical-json.ts";
import { MemoryResults, MemoryTurns } from "../support/memory-stores.ts";
import { toolBox } from "../support/chat-tool-box.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { testDigest } from "../support/memory-journal.ts";
import { storedTool } from "../support/tools.ts";
import {
  CHAT_TOOLS,
  type ChatWorld,
  CLIENT_TOOL,
  drawScript,
  OFFERED,
  USES_OF_LIMITED,
} from "./chat-world.ts";
import type { Core } from "./core.ts";
import { CountingClock } from "./counting-clock.ts";
import { Dice } from "./dice.ts";
import type { Incident } from "./incidents.ts";
import { LaneWatch } from "./lane-watch.ts";
import { ScriptedModel } from "./scripted-model.ts";
import { type Line, Storage } from "./storage.ts";
import { drawFate, type FaultCount, ToolServers } from "./tool-servers.ts";
import type { Trace } from "./trace.ts";

/** Steps of one life; a run that has not ended by then never does. */
const MAX_STEPS = 5_000;

/** After the end so many steps are watched for anything that goes on. */
const STEPS_AFTER = 40;

/** When every conversation begins. */
export const STARTED_AT_MS = 1_000;

/** What the client says. */
export const MESSAGES: readonly [{ readonly role: "user"; readonly content: string }] = [
  { role: "user", content: "Do what you can." },
];

/** A chat event, with how much had been observed and which turn the model was in when it was said. */
export interface Said {
  readonly event: ChatEvent;
  readonly after: number;
  readonly turn: number;
}

/** What one life showed to the outside. */
export interface ChatLifeLog {
  readonly said: readonly Said[];
  /** Bodies the model was asked with, those answered from storage included. */
  readonly asked: readonly JsonObject[];
  /** What the life found in storage. */
  readonly earlier: readonly Line[];
}

/** How a life ended: lost, with its run, or never. */
export type LifeEnd =
  | { readonly how: "crash"; readonly steps: number; readonly downMs: number }
  | { readonly how: "end" | "hang"; readonly steps: number };

/** One life of a conversation. */
export class ChatLife implements ChatLifeLog {
  readonly said: Said[] = [];
  readonly asked: JsonObject[] = [];
  readonly #world: ChatWorld;
  readonly #core: Core;
  readonly #trace: Trace;
  readonly #clock: FakeClock;
  readonly #coreClock: CountingClock;
  readonly #storage: Storage;
  readonly #servers: ToolServers;
  readonly #watch: LaneWatch;
  readonly #model: ScriptedModel;
  readonly #numbers = new CallNumbers("run", testDigest);
  readonly #controller = new AbortController();
  readonly #times: ReturnType<typeof runTimes>;
  #ids = 0;
  #hasEnded = false;

  constructor(
    world: ChatWorld,
    core: Core,
    trace: Trace,
    faults: FaultCount,
    nowMs: number,
    lines: readonly Line[],
  ) {
    this.#world = world;
    this.#core = core;
    this.#trace = trace;
    const clock = new FakeClock(nowMs);
    this.#clock = clock;
    this.#coreClock = new CountingClock(clock);
    trace.now = () => clock.now();
    const { seed } = world;
    this.#storage = new Storage(clock, new Dice(seed, "storage", trace.life), lines);
    this.#servers = new ToolServers(clock, trace, faults, world.slotsOfLane, (call, nth) =>
      drawFate(new Dice(seed, "fate", JSON.stringify(call.arguments), call.id, nth)),
    );
    const isCancelled = lines.some(({ kind }) => kind === "cancelled");
    const durable = { startedAtMs: STARTED_AT_MS, isResumed: trace.life > 1, isCancelled };
    this.#times = runTimes(durable, world.deadlineMs, () => clock.now());
    const lanes = core.lanes(
      this.#servers,
      this.#numbers,
      new Map([["limited", storedTool("limited", { max_uses: USES_OF_LIMITED })]]),
      {
        ...durable,
        calls: this.#storage.calls(),
        turns: this.#storage.turns(),
        newId: (prefix) => prefix,
      },
      this.#times.bounds,
    );
    this.#model = new ScriptedModel(clock, trace, STARTED_AT_MS + world.deadlineMs, () =>
      drawScript(world, this.#storage.turn, trace.life),
    );
    const caps = { tags: {}, hosts: {}, groups: {} };
    this.#watch = new LaneWatch(lanes, trace, { maxParallel: world.maxParallel, caps });
  }

  get earlier(): readonly Line[] {
    return this.#storage.earlier;
  }

  get nowMs(): number {
    return this.#clock.now();
  }

  survivors(): readonly Line[] {
    return this.#storage.survivors();
  }

  async toTheEnd(
    incidents: Incident[],
    happened: Incident["kind"][],
    stepsBefore: number,
  ): Promise<LifeEnd> {
    let steps = stepsBefore;
    this.#begin();
    if (this.#times.bounds.isCancelled) this.#controller.abort();
    await this.#clock.settle();
    while (!this.#hasEnded) {
      while ((incidents[0]?.step ?? Infinity) <= steps && !this.#hasEnded) {
        const incident = incidents.shift();
        if (incident === undefined) break;
        happened.push(incident.kind);
        if (incident.kind === "crash") return { how: "crash", steps, downMs: incident.downMs };
        this.#storage.writeNow({ kind: "cancelled" });
        this.#controller.abort();
        this.#trace.note({ kind: "cancelled", calls: null });
        await this.#clock.settle();
      }
      if (this.#hasEnded) break;
      const hasMoved = steps - stepsBefore < MAX_STEPS && (await this.#clock.step());
      this.#trace.demand("the run ends", hasMoved, () => "it hangs");
      if (!hasMoved) return { how: "hang", steps };
      steps += 1;
    }
    const open = {
      requests: this.#servers.unattended,
      timers: this.#coreClock.sleeping,
      streams: this.#model.openStreams,
    };
    this.#trace.demand(
      "nothing is open after the end",
      open.requests + open.timers + open.streams === 0,
      () => JSON.stringify(open),
    );
    for (let step = 0; step < STEPS_AFTER && (await this.#clock.step()); step += 1);
    return { how: "end", steps };
  }

  #begin(): void {
    const { maxTurns, maxCalls, maxParallel, earlyStart, asItems, hasClientTool } = this.#world;
    const { deadlineMs, startedAtMs } = this.#times;
    const tools = hasClientTool ? [{ type: "function", function: { name: CLIENT_TOOL } }] : [];
    const run = {
      id: "run",
      request: {
        model: "m",
        messages: [...MESSAGES],
        stream: true,
        ...(hasClientTool && { tools }),
      },
      bounds: { maxTurns, maxCalls, maxParallel, deadlineMs, earlyStart },
      startedAtMs,
    };
    const running = this.#core.runChat(
      asItems ? { ...run, asItems } : run,
      this.#ports(),
      this.#controller.signal,
    );
    const end = (): void => {
      this.#hasEnded = true;
      this.#trace.note({ kind: "ended" });
    };
    void running.then(end, (error: unknown) => {
      this.#trace.demand("the run ends", false, () => `it threw ${String(error)}`);
      end();
    });
  }

  #ports(): ChatPorts {
    const { references, guesses, readerMs } = this.#world;
    const box = toolBox({
      offered: OFFERED,
      references,
      callsOf: (tool) => ({
        effect: CHAT_TOOLS[tool] ?? "write",
        timeoutMs: 150,
        ...(tool === "peek" && { observable: true }),
        ...(tool === "limited" && { isCounted: true }),
      }),
    });
    return {
      clock: this.#coreClock,
      lanes: this.#watch,
      tools: numberedTools(box, this.#numbers),
      turns: new MemoryTurns(),
      results: new MemoryResults(),
      ...(guesses !== null && { speculation: this.#trained(guesses.isRight) }),
      newId: (prefix) => {
        this.#ids += 1;
        return `${prefix}_${String(this.#ids).padStart(22, "0")}`;
      },
      askModel: this.#noteAsked(
        journalModel(this.#model.ask, this.#storage.turns(), this.#times.bounds),
      ),
      emit: async (event) => {
        this.said.push({ event, after: this.#trace.observed.length, turn: this.asked.length });
        if (readerMs > 0) await this.#clock.sleep(readerMs, new AbortController().signal);
      },
    };
  }

  /** A tenant whose conversations began with the call the first turn will make, or with one it will not. */
  #trained(isRight: boolean): Speculation {
    const memory = new TenantMemory();
    const [made] = drawScript(this.#world, 1, 1).calls;
    const text = isRight && made !== undefined ? made.argumentsJson : '{"n":"guess"}';
    const name = isRight && made !== undefined ? made.name : "limited";
    const values = parsed(text);
    const scene = conversationScene(MESSAGES);
    for (let times = 0; times < 12; times += 1)
      memory.predictor.observe(scene, { tool: name, arguments: values ?? {} });
    memory.budget.earn(40, 0, 1);
    return { memory, budget: 1, threshold: 0.1, typicalMs: () => 100 };
  }

  #noteAsked(ask: ChatPorts["askModel"]): ChatPorts["askModel"] {
    return (body, signal) => {
      this.asked.push(structuredClone(body));
      return ask(body, signal);
    };
  }
}

function parsed(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}
