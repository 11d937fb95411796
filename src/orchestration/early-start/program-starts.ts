/**
 * Calls of a program that the model wrote, started before the provider asks for them.
 *
 * A provider that runs such a program asks for its calls one after the other, each in an answer of its own; those that
 * `program-calls.ts` finds certain, and that may start early at all, are sent as soon as the program is there. They live
 * as long as the run: the call the model really makes, in whatever turn, joins the running one or takes its result, once.
 * What nobody asks for is aborted when the program is over or the run ends, and counted.
 *
 * What was asked for goes first: a start gives its place up when the run's connections or `max_parallel` are used up, and
 * a tool under a cap of its own or of the policy is never started here. A start that failed is forgotten.
 *
 * The parser is loaded with the first program: an isolate that never meets one does not run it.
 */

import { EFFECT_RULES } from "../../contract/effect-rules.ts";
import type { PlannedCall } from "../../contract/planned-call.ts";
import { hasResult, type CallOutcome } from "../../contract/run.ts";
import { Abort } from "../../platform/abort.ts";
import { isJsonArray, isJsonObject, type Json } from "../../platform/canonical-json.ts";
import { decorateLanes } from "../journal/decorate-lanes.ts";
import { samenessOf } from "../journal/number-calls.ts";
import type { CallShare, ChatPorts, ChatRun, Lane, LanePool } from "../ports.ts";
import { capsOf } from "../schedule/caps.ts";
import { STOP_GRACE_MS } from "../schedule/outcomes.ts";

/** Characters of results that wait to be asked for; a longer one is forgotten. */
export const MAX_WAITING_CHARACTERS = 4 * 1024 * 1024;

/** Starts in flight at once: one connection of a lane stays free for what is asked for. */
export const MAX_PROGRAM_STARTS = 4;

/** What became of a run's program starts. */
export interface ProgramCount {
  readonly launched: number;
  /** Those that were asked for. */
  readonly hits: number;
  /** How much sooner the hits ended. */
  readonly savedMs: number;
}

interface Start {
  readonly sameness: string;
  readonly outcome: Promise<CallOutcome>;
  readonly controller: Abort;
  readonly startedAtMs: number;
  /** Null while it runs. */
  ended: { readonly atMs: number; readonly outcome: CallOutcome } | null;
}

/** Ports of a run whose programs start their calls; the run closes `programs` before its lanes. */
export type OwnPorts = ChatPorts & { readonly programs: ProgramStarts };

/** The ports of `run` with its program starts, which end with its deadline at the latest. */
export function withPrograms(
  run: ChatRun,
  ports: ChatPorts,
  startedAtMs: number,
  signal: AbortSignal,
): OwnPorts {
  const endsAtMs = startedAtMs + run.bounds.deadlineMs;
  const programs = new ProgramStarts(run, ports, endsAtMs, signal);
  return { ...ports, lanes: programs.lanes, programs };
}

/** See above. Own it: `close` it whatever happens. */
export class ProgramStarts {
  /** The run's lanes, where a call that runs already is joined. */
  readonly lanes: LanePool;
  readonly #run: ChatRun;
  readonly #ports: ChatPorts;
  readonly #endsAtMs: number;
  readonly #signal: AbortSignal;
  readonly #starts = new Map<string, Start>();
  readonly #waiting: PlannedCall[] = [];
  /** Calls asked for since the last program came: it need not make them again. */
  readonly #made = new Set<string>();
  /** Everything that may still be open. */
  readonly #open = new Set<Promise<void>>();
  #isClosed = false;
  #asked = 0;
  #waitingCharacters = 0;
  #launched = 0;
  #hits = 0;
  #savedMs = 0;

  /** Starts are made in `ports.lanes` and end at `endsAtMs` at the latest. */
  constructor(run: ChatRun, ports: ChatPorts, endsAtMs: number, signal: AbortSignal) {
    this.#run = run;
    this.#ports = ports;
    this.#endsAtMs = endsAtMs;
    this.#signal = signal;
    this.lanes = decorateLanes(ports.lanes, {
      run: (lane, call, timeoutMs, callSignal) => this.#make(lane, call, timeoutMs, callSignal),
    });
  }

  /** Counts on while the run goes on. */
  get count(): ProgramCount {
    return { launched: this.#launched, hits: this.#hits, savedMs: this.#savedMs };
  }

  /** Reads what a provider must see again of a turn: programs begin there, and end. `mostCalls` may still be made. */
  take(details: Json, mostCalls: number): void {
    if (!isJsonArray(details)) return;
    for (const detail of details) {
      if (!isJsonObject(detail) || !isJsonObject(detail["item"] ?? null)) continue;
      const { type, item } = detail;
      if (type === "openai.program_output") this.dismiss();
      if (type !== "openai.program" || item === undefined || !isJsonObject(item)) continue;
      if (typeof item["code"] === "string") this.#track(this.#begin(item["code"], mostCalls));
    }
  }

  /** Aborts what nobody has asked for. */
  dismiss(): void {
    this.#waiting.length = 0;
    for (const start of this.#starts.values()) this.#forget(start);
  }

  /** Dismisses, and resolves when nothing is open; what ignores its abort is left behind after `STOP_GRACE_MS`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.dismiss();
    if (this.#open.size === 0) return;
    const done = new Abort();
    const grace = this.#ports.clock.sleep(STOP_GRACE_MS, done.signal);
    await Promise.race([Promise.all(this.#open), grace]);
    done.abort();
  }

  /** Keeps `work` open until it has ended; it never rejects. */
  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#open.delete(tracked));
    this.#open.add(tracked);
  }

  async #begin(code: string, mostCalls: number): Promise<void> {
    const { bounds, request } = this.#run;
    if (!bounds.earlyStart || request.parallel_tool_calls === false) return;
    this.#made.clear();
    const { findProgramCalls } = await import("./program-calls.ts");
    const { tools } = this.#ports;
    if (this.#isClosed) return;
    const mayStart = (name: string) => {
      const call = tools.find(name)?.call("program~", {});
      return call !== undefined && EFFECT_RULES[call.effect].mayStartEarly;
    };
    for (const { name, arguments: values } of findProgramCalls(code, mayStart)) {
      if (this.#launched + this.#waiting.length >= mostCalls) break;
      const id = `program~${this.#launched + this.#waiting.length}`;
      const planned = tools.plan(id, name, JSON.stringify(values), true);
      const isNew = planned.ok && !this.#made.has(samenessOf(planned.value));
      if (isNew && this.#isFree(planned.value))
        this.#waiting.push({ ...planned.value, isTentative: true });
    }
    this.#pump();
  }

  /** Nothing stands against starting it unasked. */
  #isFree(call: PlannedCall): boolean {
    return (
      call.references === undefined &&
      call.approval === undefined &&
      call.observable !== true &&
      call.isCounted !== true &&
      this.#ports.inside?.owns(call) !== true &&
      capsOf(call, this.#run.bounds.caps).length === 0
    );
  }

  get #running(): readonly Start[] {
    return [...this.#starts.values()].filter(({ ended }) => ended === null);
  }

  #pump(): void {
    const [lane] = this.#ports.lanes.lanes(1);
    if (lane === undefined) return;
    for (;;) {
      const running = this.#running.length;
      if (running >= MAX_PROGRAM_STARTS || running + this.#asked >= this.#most(lane)) return;
      const call = this.#waiting.shift();
      if (call === undefined) return;
      if (!this.#starts.has(samenessOf(call))) this.#launch(lane, call);
    }
  }

  /** Calls that may be in flight, starts and calls that were asked for together. */
  #most({ slots }: Lane): number {
    return Math.min(slots, this.#run.bounds.maxParallel);
  }

  #launch(lane: Lane, call: PlannedCall): void {
    const { clock, share } = this.#ports;
    const startedAtMs = clock.now();
    const timeoutMs = Math.min(call.timeoutMs, this.#endsAtMs - startedAtMs);
    if (timeoutMs <= 0 || this.#signal.aborted) return;
    const place = share?.(this.#endsAtMs);
    if (place?.take() === false) return;
    const controller = new Abort().follow(this.#signal);
    const outcome = lane.run(call, timeoutMs, controller.signal);
    const sameness = samenessOf(call);
    const start: Start = { sameness, outcome, controller, startedAtMs, ended: null };
    this.#launched += 1;
    this.#starts.set(sameness, start);
    this.#track(this.#watch(start, place));
  }

  async #watch(start: Start, place: CallShare | undefined): Promise<void> {
    try {
      this.#keep(start, await start.outcome);
    } catch {
      // A lane that broke is told to whoever joined it.
      this.#forget(start);
    } finally {
      place?.give();
      this.#pump();
    }
  }

  #keep(start: Start, outcome: CallOutcome): void {
    start.ended = { atMs: this.#ports.clock.now(), outcome };
    if (this.#starts.get(start.sameness) !== start) return;
    this.#waitingCharacters += outcome.outputJson?.length ?? 0;
    const isKept = hasResult(outcome);
    if (!isKept || this.#waitingCharacters > MAX_WAITING_CHARACTERS) this.#forget(start);
  }

  #forget(start: Start): void {
    if (this.#starts.get(start.sameness) !== start) return;
    this.#starts.delete(start.sameness);
    this.#waitingCharacters -= start.ended?.outcome.outputJson?.length ?? 0;
    start.controller.abort();
  }

  /** A call that was asked for: joins its start, or is made with the place it needs. */
  async #make(
    lane: Lane,
    call: PlannedCall,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<CallOutcome> {
    this.#made.add(samenessOf(call));
    const start = this.#starts.get(samenessOf(call));
    if (start !== undefined) return this.#join(start, signal);
    const next = this.#waiting.findIndex((one) => samenessOf(one) === samenessOf(call));
    if (next !== -1) this.#waiting.splice(next, 1);
    const running = this.#running;
    const isFull = running.length + this.#asked >= this.#most(lane);
    const last = isFull ? running.at(-1) : undefined;
    this.#asked += 1;
    try {
      if (last !== undefined) await this.#giveWay(last);
      return await lane.run(call, timeoutMs, signal);
    } finally {
      this.#asked -= 1;
      this.#pump();
    }
  }

  /** Aborts a start and waits until it has left; one that ignores it is not waited for beyond `STOP_GRACE_MS`. */
  async #giveWay(start: Start): Promise<void> {
    this.#forget(start);
    const done = new Abort();
    const grace = this.#ports.clock.sleep(STOP_GRACE_MS, done.signal);
    const left = start.outcome.then(
      () => undefined,
      () => undefined,
    );
    await Promise.race([left, grace]);
    done.abort();
  }

  async #join(start: Start, signal: AbortSignal): Promise<CallOutcome> {
    const { clock } = this.#ports;
    const joinedAtMs = clock.now();
    this.#starts.delete(start.sameness);
    this.#waitingCharacters -= start.ended?.outcome.outputJson?.length ?? 0;
    this.#hits += 1;
    const leave = () => start.controller.abort();
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    try {
      const outcome = await start.outcome;
      this.#savedMs += Math.min(joinedAtMs, start.ended?.atMs ?? clock.now()) - start.startedAtMs;
      return outcome;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }
}
