/** The witness of a simulated world of breakers: sees what the gate and every isolate do, and says what broke. */

import { PROBES } from "../../../src/algorithms/breaker.ts";
import { BUDGET_CAPACITY, FLOOR_PER_SECOND } from "../../../src/algorithms/retry-budget.ts";
import type { BreakerAnswer, BreakerWord, SharedBreaker } from "../../../src/contract/breaker.ts";
import type { Pass, UpstreamSession } from "../../../src/contract/upstream-session.ts";
import type { BreakerCounts } from "./breaker-counts.ts";

/** What a world can violate. */
export type BreakerGuarantee =
  | "no more attempts than may"
  | "no attempt starts after its deadline"
  | "a call ends by its deadline"
  | "repeats stay within their budget"
  | "a held target is not asked"
  | "every pass is given back once"
  | "no more probes than places"
  | "epochs never go back"
  | "nothing is left behind"
  | "breakers close and calls succeed once upstreams are well";

/** One broken guarantee. */
export interface BreakerViolation {
  readonly guarantee: BreakerGuarantee;
  readonly what: string;
}

interface SeenBreaker {
  epoch: number;
  stage: number;
  good: number;
  /** Expiry of each probe that has not ended. */
  readonly leased: Map<number, number>;
}

/** What one isolate may repeat at one target. */
interface Budget {
  readonly sinceMs: number;
  repeats: number;
  succeeded: number;
}

/** What is known of one isolate. */
export interface WitnessedIsolate {
  /** Passes by target that were not given back. */
  readonly passes: Map<string, number>;
  readonly budgets: Map<string, Budget>;
  jumpedMs: number;
}

export class BreakerWitness {
  readonly violations: BreakerViolation[] = [];
  readonly #counts: BreakerCounts;
  readonly #now: () => number;
  readonly #seen = new Map<string, SeenBreaker>();
  #shared: ReadonlyMap<string, SharedBreaker> = new Map();

  constructor(counts: BreakerCounts, now: () => number) {
    this.#counts = counts;
    this.#now = now;
  }

  break(guarantee: BreakerGuarantee, what: string): void {
    this.violations.push({ guarantee, what });
  }

  /** True when some breaker was open at the last look. */
  get hasOpen(): boolean {
    return this.#shared.size > 0;
  }

  /** The gate has lost its memory: half-open stages begin anew. */
  restarted(): void {
    for (const seen of this.#seen.values()) {
      seen.stage = 0;
      seen.good = 0;
      seen.leased.clear();
    }
  }

  /** The gate has answered a word. */
  answered(word: BreakerWord, { shared, probe }: BreakerAnswer): void {
    const open = new Map(shared.map((one) => [one.target, one]));
    for (const { target, answers } of word.targets) {
      const seen = this.#of(target);
      for (const { probe: id, end } of answers) {
        if (!seen.leased.delete(id) || end !== "good") continue;
        seen.good += 1;
        if (seen.good < (PROBES[seen.stage] ?? 0)) continue;
        seen.stage += 1;
        seen.good = 0;
      }
    }
    this.look(open);
    if (word.probe === undefined) return;
    if (probe === null) {
      this.#counts["probes refused"] += 1;
      return;
    }
    this.#counts["probes leased"] += 1;
    const { target, ttlMs } = word.probe;
    const seen = this.#of(target);
    seen.leased.set(probe, this.#now() + ttlMs);
    const places = PROBES[seen.stage] ?? 0;
    if (seen.good + seen.leased.size > places)
      this.break("no more probes than places", `${target}: ${seen.leased.size} of ${places}`);
  }

  /** Notes how the breakers stand that are not simply closed. */
  look(open: ReadonlyMap<string, SharedBreaker>): void {
    for (const [target, { epoch, phase, forced, cause }] of open) {
      const seen = this.#of(target);
      if (epoch < seen.epoch)
        this.break("epochs never go back", `${target}: ${seen.epoch}, then ${epoch}`);
      if (epoch === seen.epoch) continue;
      const before = this.#shared.get(target);
      this.#forgetProbes(seen, epoch);
      if (forced === "open") this.#counts["breakers forced open"] += 1;
      else if (forced === "closed") this.#counts["breakers forced closed"] += 1;
      else if (phase === "half_open") this.#counts["breakers half-open"] += 1;
      else if (cause === "retry_after") this.#counts["breakers held by Retry-After"] += 1;
      else if (before?.phase === "half_open")
        this.#counts["breakers open again after a probe"] += 1;
      else this.#counts["breakers that opened"] += 1;
    }
    for (const [target, { phase, forced }] of this.#shared) {
      if (open.has(target)) continue;
      if (forced !== null) this.#counts["breakers let go"] += 1;
      else if (phase === "half_open") this.#counts["breakers closed by probes"] += 1;
      const seen = this.#of(target);
      this.#forgetProbes(seen, seen.epoch);
    }
    this.#shared = open;
  }

  /** The session of an isolate, seen through. `isOnly`: there is one target, so no panic. */
  watch(session: UpstreamSession, { passes }: WitnessedIsolate, isOnly: boolean): UpstreamSession {
    const note = ({ target }: Pass, change: 1 | -1): void => {
      const open = (passes.get(target) ?? 0) + change;
      passes.set(target, open);
      if (open < 0) this.break("every pass is given back once", target);
    };
    return {
      policy: session.policy,
      held: (target) => session.held(target),
      enter: (target, timeoutMs) => {
        const isHeld = session.held(target) !== null;
        if (isHeld && isOnly) this.break("a held target is not asked", target);
        else if (isHeld) this.#counts["panics: a held target was asked"] += 1;
        const pass = session.enter(target, timeoutMs);
        if (pass.probe !== null) this.#counts["probes of an isolate alone"] += 1;
        note(pass, 1);
        return pass;
      },
      probe: async (target, timeoutMs) => {
        const pass = await session.probe(target, timeoutMs);
        if (pass !== null) note(pass, 1);
        return pass;
      },
      report: (pass, verdict, durationMs) => {
        note(pass, -1);
        session.report(pass, verdict, durationMs);
      },
      takeRetryToken: (target) => {
        const isTaken = session.takeRetryToken(target);
        if (!isTaken) this.#counts["repeats without budget"] += 1;
        return isTaken;
      },
      hedgeAfterMs: (target) => session.hedgeAfterMs(target),
      lateMs: (target) => session.lateMs(target),
      takeHedgeToken: (target, waitedMs) => session.takeHedgeToken(target, waitedMs),
    };
  }

  /** A request was sent once more after one to `target`. */
  repeated({ budgets, jumpedMs }: WitnessedIsolate, target: string, share: number): void {
    this.#counts["attempts that were repeats"] += 1;
    const budget = this.#budget(budgets, target);
    budget.repeats += 1;
    const elapsedS = (this.#now() - budget.sinceMs + jumpedMs) / 1000;
    const allowed = BUDGET_CAPACITY + FLOOR_PER_SECOND * elapsedS + share * budget.succeeded;
    if (budget.repeats > allowed + 1e-6)
      this.break("repeats stay within their budget", `${target}: ${budget.repeats} of ${allowed}`);
  }

  /** A request to `target` has begun, and whether it has succeeded. */
  sent({ budgets }: WitnessedIsolate, target: string, succeeded: boolean): void {
    const budget = this.#budget(budgets, target);
    if (succeeded) budget.succeeded += 1;
  }

  #budget(budgets: Map<string, Budget>, target: string): Budget {
    const known = budgets.get(target);
    const budget = known ?? { sinceMs: this.#now(), repeats: 0, succeeded: 0 };
    budgets.set(target, budget);
    return budget;
  }

  #of(target: string): SeenBreaker {
    const known = this.#seen.get(target);
    const seen = known ?? { epoch: 0, stage: 0, good: 0, leased: new Map<number, number>() };
    this.#seen.set(target, seen);
    return seen;
  }

  #forgetProbes(seen: SeenBreaker, epoch: number): void {
    seen.epoch = epoch;
    seen.stage = 0;
    seen.good = 0;
    seen.leased.clear();
  }
}
