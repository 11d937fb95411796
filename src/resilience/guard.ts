/**
 * guard(): the one seam every outgoing call passes.
 *
 * The order of its layers is fixed, outermost first: deadline > retry > balance > breaker > concurrency > hedge > call.
 * Each has a file of its own; a failure of the last attempt is handed on untouched, an attempt that throws is a bug and is
 * thrown on. What an attempt says of its target is reported once, however it ends: answered, given up, or left behind.
 */

import type { BalanceTarget } from "../contract/balance.ts";
import type { AttemptClass, Pass, UpstreamSession, Verdict } from "../contract/upstream-session.ts";
import { Abort } from "../platform/abort.ts";
import type { Clock } from "../platform/clock.ts";
import { type Result, fail, ok } from "../platform/result.ts";
import type { AttemptEnd } from "./balancer.ts";
import { EMPTY, type EnterCrowd, type Place } from "./crowd.ts";
import { type DeadlineFailure, TIMED_OUT, withDeadline } from "./deadline.ts";
import { askFor, GAVE_UP, OUT_OF_TIME, TIMEOUT } from "./give-up.ts";
import { type Hedge, LOST, type SpareConnections, withHedge } from "./hedge.ts";
import { type Judged, type RetryRule, withRetries } from "./retry.ts";
import { type Balance, route, type RouteFailure } from "./route.ts";
import { NOT_SENT, type Shed, turnedAway } from "./shed.ts";

/** Ends that the guard itself decides. `sent` is false only when nothing can have reached an upstream. */
export type GuardFailure = DeadlineFailure | RouteFailure | Shed;

/** One call under guard. */
export interface GuardedCall<Target extends BalanceTarget, T, F> {
  /** Where it may go; at least one. */
  readonly targets: readonly Target[];
  readonly balance: Balance;
  /** Wall time of the whole, all attempts and pauses included. */
  readonly timeoutMs: number;
  readonly retry: { readonly allowed: RetryRule; readonly maxAttempts: number };
  /** Where attempts take their places. Absent or null: there are always enough. */
  readonly crowd?: EnterCrowd | null;
  /** Absent: it is not hedged. `spare` null: connections are not counted here. */
  readonly hedge?: { readonly spare: SpareConnections | null; readonly onHedge: () => void };
  /** One request. Must stop when `signal` aborts. */
  readonly attempt: (target: Target, signal: AbortSignal) => Promise<Result<T, F>>;
  /** What its end says of the target: by status and kind, never by the words of a message. */
  readonly classify: (result: Result<T, F>) => Verdict;
}

/** What a guarded call needs of the world. */
export interface GuardWorld {
  readonly session: UpstreamSession;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Makes the call; see above. The caller owns what a success brings, such as a stream. */
export async function guard<Target extends BalanceTarget, T, F>(
  call: GuardedCall<Target, T, F>,
  world: GuardWorld,
  signal: AbortSignal,
): Promise<Result<T, F | GuardFailure>> {
  const { clock, session, random } = world;
  const requests = new Requests(call, world);
  const deadlineAtMs = clock.now() + call.timeoutMs;
  const deadline = {
    clock,
    timeoutMs: call.timeoutMs,
    mayBeSent: () => requests.mayBeSent,
  };
  return withDeadline(deadline, signal, (within) =>
    withRetries(
      { ...call.retry, deadlineAtMs },
      { clock, random, takeToken: () => session.takeRetryToken(requests.lastTarget) },
      within,
      () => requests.send(within, deadlineAtMs),
    ),
  );
}

/** What an attempt's end says to the choice of the next target. */
const END_OF: Readonly<Record<AttemptClass, AttemptEnd>> = {
  ok: "ok",
  failed: "failed",
  timed_out: "failed",
  rate_limited: "failed",
  credential: "failed",
  lost: "ignored",
  ignored: "ignored",
};

const IGNORED: Verdict = { class: "ignored", retryAfterMs: null, executed: true };

/** The requests of one call. */
class Requests<Target extends BalanceTarget, T, F> {
  readonly #call: GuardedCall<Target, T, F>;
  readonly #world: GuardWorld;
  readonly #tried = new Set<string>();
  #open = 0;
  #sent = 0;
  #wasExecuted = false;
  #lastTarget = "";

  constructor(call: GuardedCall<Target, T, F>, world: GuardWorld) {
    this.#call = call;
    this.#world = world;
  }

  /** Whether the upstream may have done something by now. */
  get mayBeSent(): boolean {
    return this.#open > 0 || this.#wasExecuted;
  }

  /** Whose budget a further request takes from. */
  get lastTarget(): string {
    return this.#lastTarget;
  }

  /** One request to the best target, perhaps with a hedge beside it; or why there is none. */
  async send(signal: AbortSignal, deadlineAtMs: number): Promise<Attempted<T, F>> {
    const { session, clock } = this.#world;
    const entered = await this.#enter(deadlineAtMs);
    if (!entered.ok) return held(entered.error);
    const { target, pass } = entered.value;
    const first = (own: AbortSignal) => this.#request(entered.value, own, deadlineAtMs);
    const isHedgeable = this.#call.hedge !== undefined && pass.probe === null;
    const afterMs = isHedgeable ? session.hedgeAfterMs(target.id) : null;
    if (afterMs === null) return first(signal);
    const prepare = (waitedMs: number) => this.#hedge(target.id, waitedMs, deadlineAtMs);
    return withHedge({ clock, afterMs, prepare }, signal, first);
  }

  /**
   * A second request for the call, with its connection; null when there is no budget, place or target for it. One that hangs
   * like the first gets a third beside it, and no more.
   */
  async #hedge(
    slowTarget: string,
    waitedMs: number,
    deadlineAtMs: number,
    isThird = false,
  ): Promise<Hedge<Ended<T, F>> | null> {
    const { hedge } = this.#call;
    const { session, clock } = this.#world;
    if (hedge === undefined) return null;
    const recall = new Abort();
    const giveBack = hedge.spare === null ? NOTHING : hedge.spare.take(() => recall.abort());
    if (giveBack === null) return null;
    const isPaid = session.takeHedgeToken(slowTarget, waitedMs);
    const entered = isPaid ? await this.#enter(deadlineAtMs) : null;
    if (entered?.ok !== true) {
      giveBack();
      return null;
    }
    hedge.onHedge();
    const { target, pass } = entered.value;
    const beside: Entered<Target> = { target, pass: { ...pass, isHedge: true } };
    const request = (own: AbortSignal) => this.#request(beside, own, deadlineAtMs);
    const lateMs = session.lateMs(target.id);
    const prepare = (ms: number) => this.#hedge(target.id, ms, deadlineAtMs, true);
    const send =
      isThird || lateMs === null
        ? request
        : (own: AbortSignal) => withHedge({ clock, afterMs: lateMs, prepare }, own, request);
    return { send, recalled: recall.signal, end: giveBack };
  }

  async #request(
    { target, pass }: Entered<Target>,
    signal: AbortSignal,
    deadlineAtMs: number,
  ): Promise<Attempted<T, F>> {
    const { session, clock } = this.#world;
    const { targets, balance, timeoutMs, crowd = null, classify } = this.#call;
    // It may have aborted while a probe was asked for; then nobody waits for an answer any more.
    if (signal.aborted) return this.#giveBack(pass);
    this.#lastTarget = target.id;
    this.#tried.add(target.id);
    const hasOther = this.#tried.size < targets.length;
    const isSpare = pass.isHedge === true;
    const place = crowd === null ? EMPTY : await crowd(target.id, deadlineAtMs, isSpare, signal);
    if (place === null || "retryAfterMs" in place) {
      if (signal.aborted) return this.#giveBack(pass);
      session.report(pass, NOT_SENT, 0);
      return turnedAway(target.id, hasOther, place);
    }
    this.#sent += 1;
    const startedMs = clock.now();
    const loads = targets.length > 1 ? session.loads?.() : undefined;
    const leave = balance.balancer.begin(target.id, targets, startedMs, deadlineAtMs, loads);
    const told: { verdict: Verdict | null } = { verdict: null };
    const report = (verdict: Verdict): Verdict => {
      if (told.verdict !== null) return told.verdict;
      told.verdict = verdict;
      const nowMs = clock.now();
      session.report(pass, verdict, nowMs - startedMs);
      leave(END_OF[verdict.class], timeoutMs, nowMs);
      place.leave(verdict, nowMs - startedMs);
      return verdict;
    };
    const onAbort = (): void => void report(abandoned(signal));
    signal.addEventListener("abort", onAbort, { once: true });
    this.#open += 1;
    try {
      const waitMs = this.#patience(place, deadlineAtMs - startedMs);
      const ask = (own: AbortSignal) => this.#call.attempt(target, own);
      const asked = await askFor(waitMs, clock, signal, ask);
      const verdict = report(asked === GAVE_UP ? OUT_OF_TIME : classify(asked));
      const result = asked === GAVE_UP ? fail(TIMEOUT) : asked;
      return { result, verdict, wasSent: true, hasOther };
    } finally {
      // A bug, or nothing new.
      const { executed } = report(IGNORED);
      this.#open -= 1;
      if (executed) this.#wasExecuted = true;
      signal.removeEventListener("abort", onAbort);
    }
  }

  #giveBack(pass: Pass): Attempted<T, F> {
    const verdict: Verdict = { ...IGNORED, executed: false };
    this.#world.session.report(pass, verdict, 0);
    const result = fail({ kind: "aborted" as const, sent: this.mayBeSent });
    return { result, verdict, wasSent: false, hasOther: false };
  }

  /** How long to wait for an answer: less than there is only where another request may follow. Null: as long as there is time. */
  #patience(place: Place, leftMs: number): number | null {
    const { retry } = this.#call;
    const mayFollow = retry.allowed === "always" && this.#sent < retry.maxAttempts;
    const waitMs = mayFollow ? place.timeoutMs(leftMs) : leftMs;
    return waitMs < leftMs ? waitMs : null;
  }

  /** The best target that lets the request pass. A target that recovers is tried by whoever gets its probe. */
  async #enter(deadlineAtMs: number): Promise<Result<Entered<Target>, RouteFailure>> {
    const { session, clock, random } = this.#world;
    const { targets, balance } = this.#call;
    const world = { session, random, nowMs: clock.now() };
    const { chosen, probeable } = route(targets, this.#tried, balance, world);
    const leftMs = deadlineAtMs - world.nowMs;
    if (probeable !== null) {
      const pass = await session.probe(probeable.id, leftMs);
      if (pass !== null) return ok({ target: probeable, pass });
    }
    if (!chosen.ok) return chosen;
    return ok({ target: chosen.value, pass: session.enter(chosen.value.id, leftMs) });
  }
}

const NOTHING = (): void => undefined;

/** How a call may end. */
type Ended<T, F> = Result<T, F | GuardFailure>;

/** How an attempt at it has ended. */
type Attempted<T, F> = Judged<Ended<T, F>>;

/** A request's way out. */
interface Entered<Target> {
  readonly target: Target;
  readonly pass: Pass;
}

/** An attempt that was given up: too slow by its own fault, or left by its caller. */
function abandoned(signal: AbortSignal): Verdict {
  if (signal.reason === LOST) return { ...IGNORED, class: "lost" };
  return signal.reason === TIMED_OUT ? { ...IGNORED, class: "timed_out" } : IGNORED;
}

/** Nothing was sent. Only what asked to be left alone is worth waiting for. */
function held(failure: RouteFailure): Judged<Result<never, RouteFailure>> {
  const isWait = failure.cause === "rate_limited";
  return {
    result: fail(failure),
    verdict: {
      class: isWait ? "rate_limited" : "ignored",
      retryAfterMs: isWait ? failure.retryAfterMs : null,
      executed: false,
    },
    wasSent: false,
    hasOther: false,
  };
}
