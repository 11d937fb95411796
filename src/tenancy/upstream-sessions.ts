/**
 * The upstream session of a tenant's calls in this isolate; see `UpstreamSession` for what it is asked.
 *
 * What it knows is the isolate's, by tenant and target, and bounded: the target that was asked least lately is forgotten.
 * One tenant's failures say nothing about another's upstream, even where both are the same server. The tenant's gate is told
 * beside the calls, at once when something begins to fail or a probe has ended; a call waits for it only to get a probe.
 */

import {
  type BreakerAnswer,
  type BreakerWord,
  MAX_BREAKER_WORDS,
  type TargetWord,
} from "../contract/breaker.ts";
import type { ResiliencePolicy } from "../contract/resilience-policy.ts";
import type { Pass, UpstreamSession } from "../contract/upstream-session.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import { loadsOf } from "./load-part.ts";
import { type SentUnder, TargetHealth } from "./target-health.ts";

/** Tenants whose upstreams an isolate knows, and targets of each; a target takes about a kilobyte once it was measured. */
const MAX_TENANTS = 200;
const MAX_TARGETS = 256;

/** What was not asked for so long is forgotten; longer than a breaker can be open. */
const FORGOTTEN_AFTER_MS = 3_600_000;

/** A gate that did not answer is left alone for so long. */
const REST_MS = 250;

/** A gate that has not answered by then may be asked again. */
const ANSWER_MS = 2_000;

/** The way to the tenant's gate. */
export interface BreakerGate {
  /** Says a word and hears how all breakers stand. Rejects when the gate cannot be reached. */
  say(word: BreakerWord): Promise<BreakerAnswer>;
  /** Takes work that belongs to no call. */
  defer(work: Promise<unknown>): void;
}

/** What a session is made of. */
export interface SessionSetup {
  readonly tenantId: string;
  readonly policy: ResiliencePolicy;
  /** Absent: there is no gate, this isolate decides alone. */
  readonly gate?: BreakerGate;
  /** As in `SentUnder`. Absent: no target has a key. */
  readonly credentialOf?: SentUnder["credentialOf"];
  /** The platform's when absent. */
  readonly now?: () => number;
  readonly random?: () => number;
}

/** What an isolate knows of a tenant's upstreams. */
class TenantUpstreams {
  readonly targets = new BoundedMap<string, TargetHealth>(MAX_TARGETS);
  /** Targets the gate should hear of. */
  readonly news = new Set<string>();
  /** Targets whose breaker the gate has open. */
  shared = new Set<string>();
  /** Until then a telling is under way; its request may end before it does. */
  tellingUntilMs = 0;
  restsUntilMs = 0;

  health(target: string, nowMs: number, random: () => number): TargetHealth {
    const health = this.targets.get(target, nowMs) ?? new TargetHealth(target, nowMs, random);
    this.targets.set(target, health, nowMs + FORGOTTEN_AFTER_MS);
    return health;
  }

  /** Whether something can wait no longer. */
  isDue(nowMs: number): boolean {
    for (const target of this.news) {
      if (this.targets.get(target, nowMs)?.isDue(nowMs) === true) return true;
    }
    return false;
  }

  collect(nowMs: number): readonly TargetWord[] {
    const words: TargetWord[] = [];
    for (const target of this.news) {
      if (words.length === MAX_BREAKER_WORDS) break;
      this.news.delete(target);
      const health = this.targets.get(target, nowMs);
      if (health !== undefined) words.push(health.collect(nowMs));
    }
    return words;
  }

  heard(words: readonly TargetWord[], { shared }: BreakerAnswer, nowMs: number): void {
    const open = new Map(shared.map((one) => [one.target, one]));
    const answers = new Map(words.map((word) => [word.target, word.answers.length]));
    for (const target of new Set([...open.keys(), ...this.shared, ...answers.keys()])) {
      const health = this.health(target, nowMs, () => Math.random());
      health.heard(answers.get(target) ?? 0, open.get(target) ?? null, nowMs);
    }
    this.shared = new Set(open.keys());
  }
}

const known = new BoundedMap<string, TenantUpstreams>(MAX_TENANTS);

/** What is known of a tenant's upstreams. */
export function tenantUpstreams(tenantId: string, nowMs: number): TenantUpstreams {
  const upstreams = known.get(tenantId, nowMs) ?? new TenantUpstreams();
  known.set(tenantId, upstreams, nowMs + FORGOTTEN_AFTER_MS);
  return upstreams;
}

/** The session of one tenant under its policy. */
export function upstreamSession(setup: SessionSetup): UpstreamSession {
  const { tenantId, policy, gate, now = () => Date.now(), random = () => Math.random() } = setup;
  const { credentialOf = NO_KEY } = setup;
  const healthOf = (target: string) =>
    tenantUpstreams(tenantId, now()).health(target, now(), random);
  return {
    policy,
    held(target) {
      const nowMs = now();
      const health = known.get(tenantId, nowMs)?.targets.get(target, nowMs);
      const held = health?.held(nowMs, credentialOf) ?? null;
      const isForced = held?.isForced === true && held.cause !== "credential";
      return policy.breaker.enabled || isForced ? held : null;
    },
    enter(target, timeoutMs) {
      const probe = policy.breaker.enabled ? healthOf(target).lease(timeoutMs, now()) : null;
      return { target, probe, isLeased: false };
    },
    async probe(target, timeoutMs) {
      const health = healthOf(target);
      if (gate === undefined || now() < health.askingUntilMs) return null;
      health.askingUntilMs = now() + ANSWER_MS;
      const upstreams = tenantUpstreams(tenantId, now());
      const wish = { target, timeoutMs, credentialOf, now };
      const pass = await askForProbe(gate, upstreams, health, wish);
      health.askingUntilMs = 0;
      return pass;
    },
    report(pass, verdict, durationMs) {
      const nowMs = now();
      const upstreams = tenantUpstreams(tenantId, nowMs);
      const health = upstreams.health(pass.target, nowMs, random);
      health.report(pass, verdict, durationMs, { policy, credentialOf }, nowMs);
      upstreams.news.add(pass.target);
      if (gate !== undefined && health.isDue(nowMs)) tellGate(gate, upstreams, now);
    },
    hedgeAfterMs(target) {
      const health = known.get(tenantId, now())?.targets.get(target, now());
      return health?.hedgeAfterMs(policy.hedge) ?? null;
    },
    lateMs: (target) => known.get(tenantId, now())?.targets.get(target, now())?.lateMs() ?? null,
    takeHedgeToken: (target, waitedMs) => healthOf(target).takeHedgeToken(waitedMs, now()),
    takeRetryToken: (target) => healthOf(target).takeRetryToken(now()),
    loads: () => loadsOf(tenantId, now()),
  };
}

interface ProbeWish {
  readonly target: string;
  readonly timeoutMs: number;
  readonly credentialOf: SentUnder["credentialOf"];
  readonly now: () => number;
}

const NO_KEY = (): null => null;

/** One probe of the gate's, or of this isolate's own machine when the gate cannot be reached. */
async function askForProbe(
  gate: BreakerGate,
  upstreams: TenantUpstreams,
  health: TargetHealth,
  wish: ProbeWish,
): Promise<Pass | null> {
  const { target, timeoutMs, credentialOf, now } = wish;
  const words = upstreams.collect(now());
  try {
    const answer = await gate.say({ targets: words, probe: { target, ttlMs: timeoutMs } });
    upstreams.heard(words, answer, now());
    if (answer.probe !== null) return { target, probe: answer.probe, isLeased: true };
    // It has closed meanwhile.
    return health.held(now(), credentialOf) === null
      ? { target, probe: null, isLeased: false }
      : null;
  } catch {
    const probe = health.lease(timeoutMs, now());
    return probe === null ? null : { target, probe, isLeased: false };
  }
}

/** Tells the gate beside the call that gave the reason; one telling of a tenant at a time. */
function tellGate(gate: BreakerGate, upstreams: TenantUpstreams, now: () => number): void {
  if (now() < Math.max(upstreams.tellingUntilMs, upstreams.restsUntilMs)) return;
  upstreams.tellingUntilMs = now() + ANSWER_MS;
  const tell = async (): Promise<void> => {
    try {
      // What has come up meanwhile goes with the next word.
      for (let n = 0; n < MAX_TELLS && upstreams.isDue(now()); n += 1) {
        const words = upstreams.collect(now());
        upstreams.heard(words, await gate.say({ targets: words }), now());
      }
    } catch {
      upstreams.restsUntilMs = now() + REST_MS;
    }
    upstreams.tellingUntilMs = 0;
  };
  gate.defer(tell());
}

/** Words of one telling. */
const MAX_TELLS = 8;
