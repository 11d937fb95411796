/**
 * A simulated world of calls to upstreams that fail: isolates with the real guard and the real view of breakers, their gate with the
 * real table over rows that survive its restarts, and upstreams of changing moods. A storm, then everything is well again: every
 * guarantee is checked as things happen, and in the end every breaker must have closed. The same seed is the same world.
 */

import { balanceTarget, type BalanceTarget } from "../../../src/contract/balance.ts";
import type { UpstreamSession, Verdict } from "../../../src/contract/upstream-session.ts";
import type { Clock } from "../../../src/platform/clock.ts";
import { fail, ok, type Result } from "../../../src/platform/result.ts";
import { Balancer } from "../../../src/resilience/balancer.ts";
import { upstreamSession } from "../../../src/tenancy/upstream-sessions.ts";
import { Dice } from "../dice.ts";
import type { BreakerCore, SimCall } from "./breaker-core.ts";
import { type BreakerCounts, newBreakerCounts } from "./breaker-counts.ts";
import { answerOf, breakerPlan, type BreakerPlan, type Mood } from "./breaker-plan.ts";
import { BreakerWitness, type BreakerViolation, type WitnessedIsolate } from "./breaker-witness.ts";
import { SimBreakerGate } from "./sim-breaker-gate.ts";
import { SimClock } from "./sim-clock.ts";

/** After the storm calls come slowly for so long: a breaker may have been opened for most of it. */
const CALM_MS = 150_000;
const CALM_CALLS_PER_S = 0.5;
/** In the last part of the calm every call must succeed. */
const HEALED_MS = 20_000;
/** What calls and messages under way need to end. */
const DRAIN_MS = 10_000;
const MAX_VIOLATIONS = 3;

/** What came of a world. */
export interface BreakerWorldReport {
  readonly violations: readonly BreakerViolation[];
  readonly counts: BreakerCounts;
}

interface Living extends WitnessedIsolate {
  readonly clock: Clock;
  readonly session: UpstreamSession;
  readonly balancer: Balancer;
  offsetMs: number;
  calls: number;
  isDead: boolean;
}

let worlds = 0;

/** Lives through the world of a seed. */
export function liveBreakers(seed: number, core: BreakerCore): Promise<BreakerWorldReport> {
  return new BreakerWorld(breakerPlan(seed), core).live();
}

class BreakerWorld {
  readonly #plan: BreakerPlan;
  readonly #core: BreakerCore;
  readonly #dice: Dice;
  readonly #clock = new SimClock(1_000_000);
  readonly #counts = newBreakerCounts();
  readonly #witness: BreakerWitness;
  readonly #targets: readonly BalanceTarget[];
  readonly #gate: SimBreakerGate;
  readonly #isolates: Living[] = [];
  readonly #name: string;
  #born = 0;
  #isStorm = true;
  #isHealed = false;
  #open = 0;

  constructor(plan: BreakerPlan, core: BreakerCore) {
    worlds += 1;
    // What isolates know is theirs by name for as long as the process lives.
    this.#name = `breakers_${worlds}`;
    this.#plan = plan;
    this.#core = core;
    this.#dice = new Dice("breaker world", plan.seed);
    this.#witness = new BreakerWitness(this.#counts, () => this.#clock.now());
    this.#targets = plan.targets.map((_, n) => balanceTarget(`t${n}`, {}));
    const world = { clock: this.#clock, counts: this.#counts, witness: this.#witness };
    this.#gate = new SimBreakerGate(plan, core, world);
    for (let n = 0; n < plan.isolates; n += 1) this.#isolates.push(this.#newIsolate());
  }

  async live(): Promise<BreakerWorldReport> {
    const { stormMs, callsPerS, deathsPerS, restartsPerS, stepsPerS, forcesPerS } = this.#plan;
    this.#every(deathsPerS, () => this.#kill());
    this.#every(restartsPerS, () => this.#gate.restart());
    this.#every(stepsPerS, () => this.#step());
    this.#every(forcesPerS, () => this.#force());
    this.#offer(callsPerS, stormMs);
    await this.#clock.run(stormMs);
    this.#isStorm = false;
    this.#gate.heal();
    if (forcesPerS > 0) for (const { id } of this.#targets) this.#gate.force(id, "auto");
    this.#offer(CALM_CALLS_PER_S, CALM_MS);
    await this.#clock.run(CALM_MS - HEALED_MS);
    this.#isHealed = true;
    await this.#clock.run(HEALED_MS + DRAIN_MS);
    this.#checkEnd();
    return { violations: this.#witness.violations.slice(0, MAX_VIOLATIONS), counts: this.#counts };
  }

  #offer(perS: number, forMs: number): void {
    const untilMs = this.#clock.now() + forMs;
    const arrive = (): void => {
      if (this.#clock.now() >= untilMs) return;
      void this.#call(this.#dice.pick(this.#isolates));
      this.#clock.after(this.#dice.wait(1000 / perS), arrive);
    };
    this.#clock.after(this.#dice.wait(1000 / perS), arrive);
  }

  async #call(isolate: Living): Promise<void> {
    const { policy, timeoutMs, retries, abortShare } = this.#plan;
    const { max_attempts: maxAttempts, budget } = policy.retry;
    const caller = new AbortController();
    if (this.#isStorm && this.#dice.chance(abortShare))
      this.#clock.after(this.#dice.int(1, timeoutMs), () => caller.abort());
    const startedMs = this.#clock.now();
    const sent: string[] = [];
    let hedges = 0;
    const call: SimCall = {
      targets: this.#targets,
      balance: { balancer: isolate.balancer, strategy: "peak_ewma", key: "" },
      timeoutMs,
      retry: { allowed: retries, maxAttempts },
      hedge: {
        spare: null,
        onHedge: () => {
          hedges += 1;
          this.#counts.hedges += 1;
        },
      },
      attempt: async ({ id }, signal) => {
        const last = sent.at(-1);
        sent.push(id);
        this.#counts.attempts += 1;
        if (sent.length > maxAttempts + hedges)
          this.#witness.break("no more attempts than may", `${sent.length} of ${maxAttempts}`);
        if (this.#clock.now() > startedMs + timeoutMs)
          this.#witness.break("no attempt starts after its deadline", id);
        this.#witness.sent(isolate, id, false);
        if (last !== undefined) this.#witness.repeated(isolate, last, budget);
        const result = await this.#ask(id, signal);
        this.#witness.sent(isolate, id, result.ok && result.value.class === "ok");
        return result;
      },
      classify: (result) => (result.ok ? result.value : result.error),
    };
    const world = {
      session: isolate.session,
      clock: isolate.clock,
      random: () => this.#dice.share(),
    };
    this.#counts.calls += 1;
    this.#open += 1;
    isolate.calls += 1;
    const result = await this.#core.guard(call, world, caller.signal);
    this.#open -= 1;
    isolate.calls -= 1;
    if (isolate.isDead) return;
    if (this.#clock.now() > startedMs + timeoutMs)
      this.#witness.break("a call ends by its deadline", `${this.#clock.now() - startedMs} ms`);
    this.#ended(result);
  }

  #ended(result: Awaited<ReturnType<BreakerCore["guard"]>>): void {
    const kind = result.ok ? result.value.class : "kind" in result.error ? result.error.kind : "";
    if (kind === "ok") this.#counts["calls that succeeded"] += 1;
    else if (this.#isHealed)
      this.#witness.break("breakers close and calls succeed once upstreams are well", kind);
    if (kind === "timeout") this.#counts["calls out of time"] += 1;
    if (kind === "aborted") this.#counts["calls whose caller left"] += 1;
    if (kind === "held") this.#counts["calls held back"] += 1;
  }

  /** The upstream: its answer, unless the request is given up before. */
  async #ask(id: string, signal: AbortSignal): Promise<Result<Verdict, Verdict>> {
    const answer = answerOf(this.#moodOf(id), this.#dice);
    await this.#clock.sleep(answer?.afterMs ?? this.#plan.timeoutMs * 10, signal);
    if (answer === null || signal.aborted)
      return fail({ class: "ignored", retryAfterMs: null, executed: true });
    if (answer.verdict.retryAfterMs !== null) this.#counts["answers with Retry-After"] += 1;
    return ok(answer.verdict);
  }

  #moodOf(id: string): Mood {
    if (!this.#isStorm) return "well";
    const at = this.#targets.findIndex((target) => target.id === id);
    const elapsedMs = this.#clock.now() - 1_000_000;
    return this.#plan.targets[at]?.findLast(({ atMs }) => atMs <= elapsedMs)?.mood ?? "well";
  }

  #newIsolate(): Living {
    this.#born += 1;
    const known: WitnessedIsolate & { offsetMs: number; calls: number; isDead: boolean } = {
      passes: new Map(),
      budgets: new Map(),
      jumpedMs: 0,
      offsetMs: this.#dice.int(-5000, 5000),
      calls: 0,
      isDead: false,
    };
    const clock: Clock = {
      now: () => this.#clock.now() + known.offsetMs,
      sleep: (ms, signal) => this.#clock.sleep(ms, signal),
      timer: (ms, callback) => this.#clock.timer(ms, callback),
    };
    const session = upstreamSession({
      tenantId: `${this.#name}_${this.#born}`,
      policy: this.#plan.policy,
      gate: { say: (word) => this.#gate.say(known, word), defer: (work) => void work },
      now: () => clock.now(),
      random: () => this.#dice.share(),
    });
    const watched = this.#witness.watch(session, known, this.#targets.length === 1);
    return Object.assign(known, { clock, session: watched, balancer: new Balancer() });
  }

  #kill(): void {
    const at = this.#dice.int(0, this.#isolates.length - 1);
    const dead = this.#isolates[at];
    if (dead === undefined) return;
    dead.isDead = true;
    this.#counts[dead.calls > 0 ? "isolates that died in a call" : "isolates that died"] += 1;
    this.#isolates[at] = this.#newIsolate();
  }

  #step(): void {
    const isolate = this.#dice.pick(this.#isolates);
    const jumpMs = this.#dice.int(-5000, 5000);
    isolate.offsetMs += jumpMs;
    isolate.jumpedMs += Math.abs(jumpMs);
    this.#counts["jumps of a clock"] += 1;
  }

  #force(): void {
    this.#gate.force(
      this.#dice.pick(this.#targets).id,
      this.#dice.pick(["open", "closed", "auto"]),
    );
  }

  #checkEnd(): void {
    if (this.#open > 0) this.#witness.break("nothing is left behind", `${this.#open} calls`);
    if (this.#clock.sleeping > 0)
      this.#witness.break("nothing is left behind", `${this.#clock.sleeping} timers`);
    for (const { passes } of this.#isolates) {
      const open = [...passes.values()].reduce((sum, n) => sum + n, 0);
      if (open > 0) this.#witness.break("every pass is given back once", `${open} not`);
    }
    for (const { name, state } of this.#gate.list()) {
      // Half-open, while nobody sends anything there or nobody knows that it failed, does no harm.
      if (state !== "closed" && state !== "half_open")
        this.#witness.break(
          "breakers close and calls succeed once upstreams are well",
          `${name} is ${state}`,
        );
    }
  }

  #every(perS: number, act: () => void): void {
    if (perS === 0) return;
    this.#clock.after(this.#dice.wait(1000 / perS), () => {
      if (!this.#isStorm) return;
      act();
      this.#every(perS, act);
    });
  }
}
