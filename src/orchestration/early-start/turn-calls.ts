/**
 * The gateway's calls of one model turn, from the first letter the model writes of them until they have ended.
 *
 * While the turn is still being written, calls that only read are started as soon as their arguments seem complete. The
 * closing brace is a weak signal; the beginning of the next call and the turn's finish reason are strong ones. Whatever
 * the model writes after a start takes the start back. Nothing of it is visible until the turn is complete and
 * `execute` says which calls it really made: a start that fits becomes that call, every other one is aborted and counted.
 * What may change the world never starts here before the turn is complete. When the turn comes to nothing, `close` aborts everything.
 */

import type { PlannedCall } from "../../contract/planned-call.ts";
import type { CallResult } from "../../contract/run.ts";
import type { Json } from "../../platform/canonical-json.ts";
import { createScheduler, type CallEvent } from "../schedule/scheduler.ts";
import type {
  ExecutedCalls,
  ExecuteOptions,
  ExecutePorts,
  Scheduler,
} from "../schedule/scheduler.ts";
import { NO_COST, type PredictorCost } from "../speculation/second-opinion.ts";
import type { MadeCall } from "../speculation/speculator.ts";
import { ArgumentState } from "./argument-state.ts";
import { GuessBook, type GuessCount } from "./guess-book.ts";
import { mayStartEarly } from "./may-start-early.ts";
import type { ProgramStarts } from "./program-starts.ts";

/** Starts of one turn before it was complete. It goes on counting until the turn's calls have been executed or closed. */
export interface EarlyCount extends GuessCount {
  readonly starts: number;
  /** Those that did not become calls of the turn. */
  readonly takenBack: number;
  readonly predictor: PredictorCost;
}

/** What a turn's calls need. */
export interface TurnCallPorts extends Omit<ExecutePorts, "onEvent"> {
  /** The run's calls of programs. Absent: none are started. */
  readonly programs?: Pick<ProgramStarts, "take">;
  /** The call as it would be made, or null when it cannot be: checked as any other. */
  plan(id: string, name: string, argumentsJson: string): PlannedCall | null;
  /** Called once the turn's calls have ended, with all of them; with none when the model made none. */
  readonly made?: (calls: readonly MadeCall[]) => void;
  /** Whoever guesses for this turn: stopped as soon as the model calls by itself, and when the turn is over. */
  readonly guessing?: { readonly cost: PredictorCost; stop(): Promise<void> };
}

interface WrittenCall {
  readonly id: string;
  /** How many calls of the turn come before it: one past the limit may not be made, so it is not started either. */
  readonly place: number;
  readonly name: string;
  readonly state: ArgumentState;
  text: string;
  /** What was started, and under which id. */
  started: { readonly node: string; readonly plan: PlannedCall } | null;
}

/** See above. Own it: `close` it whatever happens. */
export class TurnCalls {
  readonly #mostCalls: number;
  readonly #options: ExecuteOptions;
  readonly #ports: TurnCallPorts;
  readonly #signal: AbortSignal;
  /** Made with the first call: most turns have none. */
  #scheduler: Scheduler | null = null;
  readonly #written = new Map<string, WrittenCall>();
  /** Ids in the scheduler by call id, where they differ: of calls whose first start was taken back. */
  readonly #nodes = new Map<string, string>();
  /** Call ids by scheduler id, of the calls the turn really made. */
  readonly #meant = new Map<string, string>();
  readonly #held: CallEvent[] = [];
  readonly #guesses = new GuessBook();
  #starts = 0;
  #takenBack = 0;
  #firstOpenedAtMs: number | null = null;
  #onEvent: ((event: CallEvent) => Promise<void>) | null = null;
  #flushed: Promise<void> = Promise.resolve();
  #closed: Promise<unknown> | null = null;

  /** `mostCalls` the turn may make; none is started early with 0. */
  constructor(
    mostCalls: number,
    options: ExecuteOptions,
    ports: TurnCallPorts,
    signal: AbortSignal,
  ) {
    this.#mostCalls = mostCalls;
    this.#options = options;
    this.#ports = ports;
    this.#signal = signal;
  }

  /** Counts on while the turn goes on. */
  get count(): EarlyCount {
    const predictor = this.#ports.guessing?.cost ?? NO_COST;
    return { starts: this.#starts, takenBack: this.#takenBack, ...this.#guesses.count, predictor };
  }

  /** When the model began the first call of the turn, or null. */
  get firstOpenedAtMs(): number | null {
    return this.#firstOpenedAtMs;
  }

  /** Says what the turn's calls were, as the model wrote them. */
  made(calls: readonly MadeCall[]): void {
    this.#ports.made?.(calls);
  }

  /** Starts a call nobody has asked for yet; the first call of the turn that is the same joins it. */
  guess(call: PlannedCall): void {
    const node = this.#mostCalls === 0 ? null : this.#guesses.add(call, this.#ports.clock.now());
    if (node !== null) this.#open().submit([{ ...call, id: node, isTentative: true }]);
  }

  /** The model has begun a gateway call: those before it are complete. */
  opened(id: string, name: string): void {
    this.#firstOpenedAtMs ??= this.#ports.clock.now();
    void this.#ports.guessing?.stop();
    for (const call of this.#written.values()) this.#consider(call, true);
    const place = this.#written.size;
    const state = new ArgumentState();
    this.#written.set(id, { id, place, name, state, text: "", started: null });
  }

  /** The model has written more of a call's arguments. */
  wrote(id: string, piece: string): void {
    const call = this.#written.get(id);
    if (call === undefined) return;
    call.text += piece;
    if (call.state.push(piece) === "broken") this.#takeBack(call);
    else this.#consider(call, false);
  }

  /** The model has said that its calls are complete and meant. */
  finished(): void {
    for (const call of this.#written.values()) this.#consider(call, true);
  }

  /** A program that the model wrote makes its calls through the provider: what is certain of them may start. */
  details(list: Json): void {
    if (this.#mostCalls > 0) this.#ports.programs?.take(list, this.#mostCalls);
  }

  /** Runs the calls the turn really made, those that run already included. `onEvent` gets what they say, from the first. */
  async execute(
    planned: readonly PlannedCall[],
    onEvent: (event: CallEvent) => Promise<void>,
  ): Promise<ExecutedCalls> {
    if (planned.length === 0 && this.#scheduler === null) return { results: [], lanesUsed: 0 };
    const adopted = new Set(planned.filter((call) => this.#adopt(call)));
    this.dismiss();
    for (const { id } of planned) this.#meant.set(this.#nodeOf(id), id);
    this.#onEvent = onEvent;
    this.#flushed = this.#flush(onEvent);
    const scheduler = this.#open();
    scheduler.submit(
      planned.filter((call) => !adopted.has(call)).map((call) => this.#asNode(call)),
    );
    scheduler.seal();
    const { results, lanesUsed } = await scheduler.finish();
    await this.#flushed;
    const byId = new Map(results.map((result) => [result.id, result]));
    this.#guesses.settle((node) => byId.get(node)?.durationMs ?? 0);
    const own = planned.flatMap(({ id }) => {
      const result = byId.get(this.#nodeOf(id));
      return result === undefined ? [] : [{ ...result, id }];
    });
    return { results: own, lanesUsed };
  }

  /** Aborts what was started and is not one of the turn's calls; from then on the count is final. */
  dismiss(): void {
    void this.#ports.guessing?.stop();
    for (const call of this.#written.values()) this.#takeBack(call);
    for (const node of this.#guesses.takeRest()) this.#scheduler?.cancel({ call: node });
  }

  /** Dismisses, and resolves when nothing of the turn is open. May be called again. */
  async close(): Promise<void> {
    this.#closed ??= this.#abortAll();
    await this.#closed;
  }

  async #abortAll(): Promise<void> {
    this.dismiss();
    this.#scheduler?.seal();
    await this.#scheduler?.finish();
    await this.#ports.guessing?.stop();
  }

  #open(): Scheduler {
    const { bind, ...ports } = this.#ports;
    this.#scheduler ??= createScheduler(
      this.#options,
      {
        ...ports,
        ...(bind && { bind: (call, results) => bind(call, this.#byCallId(call, results)) }),
        onEvent: (event) => this.#take(event),
      },
      this.#signal,
    );
    return this.#scheduler;
  }

  #consider(call: WrittenCall, isStrong: boolean): void {
    if (call.state.phase !== "closed" || call.started !== null) return;
    if (call.place >= this.#mostCalls - this.#takenBack) return;
    const plan = this.#ports.plan(call.id, call.name, call.text);
    if (plan === null || !mayStartEarly(plan, isStrong)) return;
    const guessed = this.#joinGuess(plan);
    if (guessed !== null) {
      call.started = { node: guessed, plan };
      return;
    }
    this.#starts += 1;
    call.started = { node: this.#nodeOf(call.id), plan };
    this.#open().submit([{ ...this.#asNode(plan), isTentative: true }]);
  }

  /** The id of the guess that is this call; null when nobody guessed it. */
  #joinGuess(call: PlannedCall): string | null {
    const node = this.#guesses.join(call, this.#ports.clock.now());
    if (node !== null) this.#nodes.set(call.id, node);
    return node;
  }

  #takeBack(call: WrittenCall): void {
    if (call.started === null || this.#meant.has(call.started.node)) return;
    if (!this.#guesses.part(call.started.node)) this.#takenBack += 1;
    this.#scheduler?.cancel({ call: call.started.node });
    call.started = null;
    this.#nodes.set(call.id, `${call.id}~${this.#starts}`);
  }

  /** True when exactly this call runs already. */
  #adopt(planned: PlannedCall): boolean {
    const started = this.#written.get(planned.id)?.started ?? null;
    const isStarted = started !== null && isSame(started.plan, planned);
    const node = isStarted ? started.node : this.#joinGuess(planned);
    if (node === null) return false;
    this.#meant.set(node, planned.id);
    return true;
  }

  #nodeOf(id: string): string {
    return this.#nodes.get(id) ?? id;
  }

  #asNode(call: PlannedCall): PlannedCall {
    if (this.#nodes.size === 0) return call;
    const needs = call.needs?.map((need) => this.#nodeOf(need));
    return { ...call, id: this.#nodeOf(call.id), ...(needs && { needs }) };
  }

  /** What a call needs, by the ids its references know. */
  #byCallId(
    { needs = [] }: PlannedCall,
    results: ReadonlyMap<string, CallResult>,
  ): ReadonlyMap<string, CallResult> {
    if (this.#nodes.size === 0) return results;
    const known = needs.flatMap((node): [string, CallResult][] => {
      const result = results.get(node);
      const id = this.#meant.get(node) ?? node;
      return result === undefined ? [] : [[id, { ...result, id }]];
    });
    return new Map(known);
  }

  async #take(event: CallEvent): Promise<void> {
    if (this.#onEvent === null) {
      this.#held.push(event);
      return;
    }
    await this.#flushed;
    await this.#say(event, this.#onEvent);
  }

  async #flush(onEvent: (event: CallEvent) => Promise<void>): Promise<void> {
    for (const event of this.#held.splice(0)) await this.#say(event, onEvent);
  }

  async #say(event: CallEvent, onEvent: (event: CallEvent) => Promise<void>): Promise<void> {
    const id = this.#meant.get("result" in event ? event.result.id : event.id);
    if (id === undefined) return;
    await onEvent(
      "result" in event ? { ...event, result: { ...event.result, id } } : { ...event, id },
    );
  }
}

/** Both were planned by the same code, so equal calls have equal texts. */
function isSame(one: PlannedCall, other: PlannedCall): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
