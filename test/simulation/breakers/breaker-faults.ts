/**
 * Cores with one planted fault each: proof that the simulation of breakers sees what it is there to see. Each breaks one
 * guarantee and says which.
 */

import { BreakerTable } from "../../../durable-objects/tenant-gate/breaker-table.ts";
import type { BreakerAnswer, BreakerWord } from "../../../src/contract/breaker.ts";
import type { UpstreamSession } from "../../../src/contract/upstream-session.ts";
import { guard } from "../../../src/resilience/guard.ts";
import { type BreakerCore, REAL_BREAKER_CORE } from "./breaker-core.ts";
import type { BreakerGuarantee } from "./breaker-witness.ts";

/** A fault and what it breaks. */
export interface PlantedBreakerFault {
  readonly what: string;
  readonly breaks: BreakerGuarantee;
  readonly core: BreakerCore;
}

function core(changes: Partial<BreakerCore>): BreakerCore {
  return { ...REAL_BREAKER_CORE, ...changes };
}

/** A guard that sees another session than the world's. */
function guardWith(change: (session: UpstreamSession) => Partial<UpstreamSession>): BreakerCore {
  return core({
    guard: (call, world, signal) => {
      const session = { ...world.session, ...change(world.session) };
      return guard(call, { ...world, session }, signal);
    },
  });
}

class LeasesAlways extends BreakerTable {
  #probes = 1_000_000;

  override take(word: BreakerWord, nowMs: number): ReturnType<BreakerTable["take"]> {
    const { answer, rows } = super.take(word, nowMs);
    if (word.probe === undefined || answer.probe !== null) return { answer, rows };
    this.#probes += 1;
    const generous: BreakerAnswer = { ...answer, probe: this.#probes };
    return { answer: generous, rows };
  }
}

class HearsNoProbes extends BreakerTable {
  override take(word: BreakerWord, nowMs: number): ReturnType<BreakerTable["take"]> {
    const targets = word.targets.map((one) => ({ ...one, answers: [] }));
    return super.take({ ...word, targets }, nowMs);
  }
}

/** The faults. */
export const PLANTED_BREAKER_FAULTS: readonly PlantedBreakerFault[] = [
  {
    what: "one attempt too many",
    breaks: "no more attempts than may",
    core: core({
      guard: (call, world, signal) =>
        guard(
          { ...call, retry: { ...call.retry, maxAttempts: call.retry.maxAttempts + 1 } },
          world,
          signal,
        ),
    }),
  },
  {
    what: "a deadline of its own for each attempt",
    breaks: "no attempt starts after its deadline",
    core: core({
      guard: (call, world, signal) =>
        guard({ ...call, timeoutMs: call.timeoutMs * call.retry.maxAttempts }, world, signal),
    }),
  },
  {
    what: "a deadline that is a little late",
    breaks: "a call ends by its deadline",
    core: core({
      guard: (call, world, signal) =>
        guard({ ...call, timeoutMs: call.timeoutMs + 1 }, world, signal),
    }),
  },
  {
    what: "repeats without a budget",
    breaks: "repeats stay within their budget",
    core: guardWith(() => ({ takeRetryToken: () => true })),
  },
  {
    what: "breakers are not looked at",
    breaks: "a held target is not asked",
    core: guardWith(() => ({ held: () => null })),
  },
  {
    what: "outcomes are not reported",
    breaks: "every pass is given back once",
    core: guardWith(() => ({ report: () => undefined })),
  },
  {
    what: "outcomes are reported twice",
    breaks: "every pass is given back once",
    core: guardWith((session) => ({
      report: (...told) => {
        session.report(...told);
        session.report(...told);
      },
    })),
  },
  {
    what: "a probe for everybody",
    breaks: "no more probes than places",
    core: core({ newTable: (random) => new LeasesAlways(random) }),
  },
  {
    what: "transitions are not on disk",
    breaks: "epochs never go back",
    core: core({ saved: () => [] }),
  },
  {
    what: "ends of probes are not heard",
    breaks: "breakers close and calls succeed once upstreams are well",
    core: core({ newTable: (random) => new HearsNoProbes(random) }),
  },
  {
    what: "a call that never ends",
    breaks: "nothing is left behind",
    core: core({
      guard: async (call, world, signal) => {
        await guard(call, world, signal);
        return new Promise(() => {});
      },
    }),
  },
];
