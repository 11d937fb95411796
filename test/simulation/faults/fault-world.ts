/**
 * A world for the fault campaign: targets that fail as they are told, a tenant's gate, and calls through the real guard, on a
 * clock that jumps from event to event.
 *
 * Only the wire is missing: an answer is a status or a failure as `upstream/send.ts` gives it, judged by the code that
 * judges real ones. A target keeps a ledger of what it has executed, also of requests whose answer it lost.
 */

import {
  type BreakerRow,
  BreakerTable,
} from "../../../durable-objects/tenant-gate/breaker-table.ts";
import { balanceTarget } from "../../../src/contract/balance.ts";
import type { ResiliencePolicy } from "../../../src/contract/resilience-policy.ts";
import { FakeClock } from "../../../src/library/testing/fake-clock.ts";
import { fail, ok, type Result } from "../../../src/platform/result.ts";
import { Balancer } from "../../../src/resilience/balancer.ts";
import { guard } from "../../../src/resilience/guard.ts";
import { upstreamSession } from "../../../src/tenancy/upstream-sessions.ts";
import { BROKEN_ANSWER, verdictOfFailure } from "../../../src/tools/verdict.ts";
import type { UpstreamFailure } from "../../../src/upstream/failure.ts";
import { statusVerdict } from "../../../src/upstream/status-verdict.ts";
import { seededRandom } from "../../../bench/statistics.ts";

/** What may befall a request. */
export const FAULTS = [
  "slow answer",
  "status 500",
  "status 503",
  "status 429",
  "status 429 with Retry-After",
  "reset",
  "no answer",
  "broken body",
] as const;
/** One fault. */
export type Fault = (typeof FAULTS)[number];

/** What a target does with a request, now. */
export type Behaviour = (target: string, nowMs: number, random: () => number) => Fault | null;

/** An answer, or the lack of one. */
interface Answer {
  readonly status: number;
  readonly retryAfterMs: number | null;
  readonly isDamaged: boolean;
}

/** How one call went. */
export interface CallEnd {
  readonly isGood: boolean;
  /** Its first request met a fault. */
  readonly wasHit: boolean;
  readonly attempts: number;
  readonly startedMs: number;
  readonly endedMs: number;
  /** How often its targets did what it asks for. */
  readonly executed: number;
}

/** What a world is made of. */
export interface WorldSetup {
  readonly seed: number;
  readonly targets: readonly string[];
  readonly behaviour: Behaviour;
  readonly effect: "read" | "write";
  readonly policy?: Partial<ResiliencePolicy>;
  /** The gate's object is evicted so often: what it had not written is gone. Absent: never. */
  readonly evictEveryMs?: number;
  /** The isolate's clock steps so often, by up to `MOST_STEP_MS` either way. Absent: never. */
  readonly stepEveryMs?: number;
}

/** The largest step of a clock. */
const MOST_STEP_MS = 5_000;

const USUAL_MS = 20;
const SLOW_MS = 400;
const RETRY_AFTER_MS = 1_000;
const TIMEOUT_MS = 10_000;

const POLICY: ResiliencePolicy = {
  retry: { max_attempts: 3, budget: 0.1 },
  hedge: { enabled: true, quantile: 0.95, budget: 0.05 },
  concurrency: "off",
  breaker: { enabled: true },
};

let worlds = 0;

/** One tenant and its targets. */
export class FaultWorld {
  readonly clock = new FakeClock(1_000_000);
  /** When each request arrived at a target. */
  readonly arrivalsMs: number[] = [];
  readonly #setup: WorldSetup;
  readonly #random: () => number;
  readonly #session: ReturnType<typeof upstreamSession>;
  readonly #balancer = new Balancer();
  readonly #rows = new Map<string, BreakerRow>();
  #gate: BreakerTable;
  #skewMs = 0;
  #nextEvictionMs: number;
  #nextStepMs: number;
  /** Evictions and steps so far. */
  shakes = 0;

  constructor(setup: WorldSetup) {
    worlds += 1;
    this.#setup = setup;
    this.#random = seededRandom(setup.seed);
    this.#gate = new BreakerTable(this.#random);
    this.#nextEvictionMs = this.clock.now() + (setup.evictEveryMs ?? Infinity);
    this.#nextStepMs = this.clock.now() + (setup.stepEveryMs ?? Infinity);
    this.#session = upstreamSession({
      tenantId: `faults_${worlds}`,
      policy: { ...POLICY, ...setup.policy },
      now: () => this.#isolateNow(),
      random: this.#random,
      gate: {
        say: async (word) => {
          const { answer, rows } = this.#gate.take(word, this.clock.now());
          for (const row of rows) this.#rows.set(row.target, row);
          return answer;
        },
        defer: (work) => void work,
      },
    });
  }

  /** `calls` calls, one every `gapMs`, and how each went. */
  async run(calls: number, gapMs: number): Promise<readonly CallEnd[]> {
    const running: Promise<CallEnd>[] = [];
    for (let n = 0; n < calls; n += 1) {
      this.#shake();
      running.push(this.#call());
      await this.clock.advance(gapMs);
    }
    return this.clock.runUntil(Promise.all(running));
  }

  /** The clock of the isolate, which may be off; timers are not. */
  #isolateNow(): number {
    return this.clock.now() + this.#skewMs;
  }

  #shake(): void {
    const nowMs = this.clock.now();
    if (nowMs >= this.#nextEvictionMs) {
      this.#nextEvictionMs = nowMs + (this.#setup.evictEveryMs ?? Infinity);
      this.#gate = new BreakerTable(this.#random);
      for (const row of this.#rows.values()) this.#gate.load(row);
      this.shakes += 1;
    }
    if (nowMs < this.#nextStepMs) return;
    this.#nextStepMs = nowMs + (this.#setup.stepEveryMs ?? Infinity);
    this.#skewMs = Math.round((2 * this.#random() - 1) * MOST_STEP_MS);
    this.shakes += 1;
  }

  async #call(): Promise<CallEnd> {
    const startedMs = this.clock.now();
    const count = { attempts: 0, executed: 0, wasHit: false };
    const attempt = async ({ id }: { readonly id: string }, signal: AbortSignal) => {
      count.attempts += 1;
      const fault = this.#setup.behaviour(id, this.clock.now(), this.#random);
      if (count.attempts === 1) count.wasHit = fault !== null;
      return this.#request(fault, count, signal);
    };
    const isRead = this.#setup.effect === "read";
    const { retry } = this.#session.policy;
    const ended = await guard(
      {
        targets: this.#setup.targets.map((id) => balanceTarget(id, {})),
        balance: { balancer: this.#balancer, strategy: "peak_ewma", key: "" },
        timeoutMs: TIMEOUT_MS,
        retry: {
          allowed: isRead ? "always" : "only_if_not_executed",
          maxAttempts: retry.max_attempts,
        },
        ...(isRead && { hedge: { spare: null, onHedge: () => undefined } }),
        attempt,
        classify: (result) => {
          if (!result.ok) return verdictOfFailure(result.error);
          const { status, retryAfterMs, isDamaged } = result.value;
          return isDamaged ? BROKEN_ANSWER : statusVerdict(status, retryAfterMs);
        },
      },
      {
        session: this.#session,
        clock: {
          now: () => this.#isolateNow(),
          sleep: (ms, until) => this.clock.sleep(ms, until),
        },
        random: this.#random,
      },
      new AbortController().signal,
    );
    const isGood = ended.ok && ended.value.status < 400 && !ended.value.isDamaged;
    return { ...count, isGood, startedMs, endedMs: this.clock.now() };
  }

  /** What a target makes of a request. What asks to come back later has done nothing. */
  async #request(
    fault: Fault | null,
    count: { executed: number },
    signal: AbortSignal,
  ): Promise<Result<Answer, UpstreamFailure>> {
    this.arrivalsMs.push(this.clock.now());
    const isRefused = fault === "status 429" || fault === "status 429 with Retry-After";
    if (!isRefused) count.executed += 1;
    const tookMs = fault === "slow answer" ? SLOW_MS : USUAL_MS * (0.5 + this.#random());
    await this.clock.sleep(fault === "no answer" ? TIMEOUT_MS * 10 : tookMs, signal);
    if (signal.aborted) return fail({ kind: "cancelled", sent: true });
    if (fault === "reset") return fail({ kind: "unreachable", sent: true });
    const [, status = "200"] = /^status (\d+)/.exec(fault ?? "") ?? [];
    const retryAfterMs = fault === "status 429 with Retry-After" ? RETRY_AFTER_MS : null;
    return ok({ status: Number(status), retryAfterMs, isDamaged: fault === "broken body" });
  }
}

/** A fault of the list with this probability. */
export function withShare(faults: readonly Fault[], share: number): Behaviour {
  return (_, __, random) =>
    random() < share ? (faults[Math.floor(random() * faults.length)] ?? null) : null;
}
