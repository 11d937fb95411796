/**
 * Balancer: which target an attempt goes to.
 *
 * There are few targets, so all are looked at: those tried already in this call, left out as outliers or with an open
 * breaker are passed over, then those that share a failure domain (declared or learned) with a target that was tried, and the
 * strategy chooses among the rest. When nothing is left the restrictions are dropped again, the weakest first: a call always
 * gets a target it has not tried while there is one. A failure counts as an answer that took as long as a caller would have waited, since
 * a target that fails fast would otherwise look like the best of all. State is the isolate's; losing it costs a few answers.
 */

import { FailureDomains } from "../algorithms/failure-domains.ts";
import { isOutlier, mostEjected } from "../algorithms/outlier-ejection.ts";
import { DECAY_MS } from "../algorithms/peak-ewma.ts";
import type {
  BalanceTarget,
  ChoiceReason,
  ChoiceRecord,
  Considered,
  Strategy,
} from "../contract/balance.ts";
import type { SharedLoads } from "../contract/upstream-session.ts";
import { pickByStrategy } from "./strategies.ts";
import { TargetState } from "./target-state.ts";

/** What a target is expected to take when nothing is known of any. */
const UNKNOWN_MS = 100;

/** Share of the choices that may go to a target nobody has used for `DECAY_MS`. */
const EXPLORATION = 0.01;

/** Share of the choices that may go to a target that has failed once, to learn soon whether it was chance. */
const SECOND_OPINIONS = 0.1;

/** How much dearer a target is while another of its failure domain is out. */
const SUSPICION = 4;

/** What a choice depends on besides the targets. */
export interface ChoiceInputs {
  readonly strategy: Strategy;
  readonly nowMs: number;
  /** Numbers at least 0 and below 1. */
  readonly random: () => number;
  /** Ids of targets that were asked already for this call. */
  readonly tried: readonly string[];
  /** True for targets whose breaker lets nothing through. */
  readonly isOpen: (id: string) => boolean;
  /** What calls that should meet at one target have in common; for `bounded_hash`. */
  readonly key: string;
  /** What other isolates measured. Absent: there are none. */
  readonly loads?: SharedLoads | undefined;
}

/** A chosen target, and how the choice came about. */
export interface Choice<T> {
  readonly target: T;
  readonly reason: ChoiceReason;
  readonly considered: readonly Considered[];
}

/** What `x-gw-debug` says of a choice. */
export function recordOf(
  strategy: Strategy,
  { target, reason, considered }: Choice<BalanceTarget>,
): ChoiceRecord {
  return { target: target.id, strategy, reason, candidates: considered };
}

/** How an attempt ended. `ignored` says nothing about its target. */
export type AttemptEnd = "ok" | "failed" | "ignored";

interface Candidate<T> {
  readonly target: T;
  readonly state: TargetState;
  readonly standing: Considered["state"];
  readonly weight: number;
  readonly inFlight: number;
  readonly costMs: number;
}

/** Chooses between the targets of one upstream or tool of one tenant. */
export class Balancer {
  readonly #states = new Map<string, TargetState>();
  readonly #domains = new FailureDomains();
  readonly #learns: boolean;

  /** Without `learns` only declared failure domains count. */
  constructor({ learns = true }: { readonly learns?: boolean } = {}) {
    this.#learns = learns;
  }

  /** A target of `targets` that was not tried yet, or null when all were. Counts nothing: `begin` does. */
  choose<T extends BalanceTarget>(targets: readonly T[], inputs: ChoiceInputs): Choice<T> | null {
    const [only] = targets;
    if (targets.length === 1 && only !== undefined)
      return inputs.tried.includes(only.id)
        ? null
        : { target: only, reason: "only", considered: [] };
    this.#forgetOthers(targets);
    const candidates = this.#candidates(targets, inputs);
    const considered = candidates.map(({ target, standing, inFlight, costMs }) => ({
      id: target.id,
      cost_ms: Math.round(costMs),
      in_flight: inFlight,
      state: standing,
    }));
    const untried = candidates.filter(({ standing }) => standing !== "tried");
    const ready = untried.filter(({ standing }) => standing === "ready");
    const [rest, isRestricted] = ready.length > 0 ? [ready, false] : [lastResort(untried), true];
    const picked = this.#pick(rest, inputs);
    if (picked === null) return null;
    const reason = isRestricted ? "last_resort" : picked.reason;
    return { target: picked.candidate.target, reason, considered };
  }

  /**
   * Counts an attempt at a target from now on; it ends by `endsAtMs` whatever happens. The function returned is told how it
   * ended, once; `penaltyMs` is what a failure costs: what the caller would have waited for an answer. `loads` are told.
   */
  begin(
    id: string,
    targets: readonly BalanceTarget[],
    startedAtMs: number,
    endsAtMs: number,
    loads?: SharedLoads,
  ): (end: AttemptEnd, penaltyMs: number, nowMs: number) => void {
    // With nothing to choose there is nothing to know.
    if (targets.length === 1) return () => undefined;
    const state = this.#state(id);
    const leave = state.begin(endsAtMs);
    return (end, penaltyMs, nowMs) => {
      leave();
      if (end === "ignored") return;
      const tookMs = Math.max(0, nowMs - startedAtMs);
      if (this.#learns) this.#domains.observe(id, end === "failed", nowMs);
      if (end === "ok") state.succeed(tookMs, nowMs);
      else {
        state.fail(Math.max(tookMs, penaltyMs), nowMs);
        this.#ejectOutlier(state, targets, nowMs);
      }
      // What a single failure costs is this isolate's guess: the next answer may take it back.
      if (state.peak !== null && !state.hasFailedOnce) loads?.tell(id, state.peak);
    };
  }

  /** The learned failure domain of each target that has one. */
  get learnedDomains(): ReadonlyMap<string, string> {
    return this.#domains.domains;
  }

  #state(id: string): TargetState {
    const state = this.#states.get(id) ?? new TargetState();
    this.#states.set(id, state);
    return state;
  }

  /** Targets come and go with the definition; what is known of others than these may go when it becomes much. */
  #forgetOthers(targets: readonly BalanceTarget[]): void {
    if (this.#states.size <= 2 * targets.length) return;
    const ids = new Set(targets.map(({ id }) => id));
    for (const id of this.#states.keys()) if (!ids.has(id)) this.#states.delete(id);
  }

  /** What the target fails together with: its declared domain and its learned one. */
  #domainsOf({ id, failureDomain }: BalanceTarget): readonly string[] {
    const learned = this.#domains.domains.get(id);
    return [
      ...(failureDomain === null ? [] : [`declared ${failureDomain}`]),
      ...(learned === undefined ? [] : [`learned ${learned}`]),
    ];
  }

  #candidates<T extends BalanceTarget>(
    targets: readonly T[],
    { nowMs, tried, isOpen, loads }: ChoiceInputs,
  ): readonly Candidate<T>[] {
    const states = targets.map((target) => this.#state(target.id));
    if (loads !== undefined) {
      for (const [at, { id }] of targets.entries()) {
        const load = loads.of(id);
        if (load !== null) states[at]?.learn(load);
      }
    }
    const standings = targets.map(({ id }, at): Considered["state"] => {
      if (tried.includes(id)) return "tried";
      if (isOpen(id)) return "open";
      return states[at]?.isEjected(nowMs) === true ? "ejected" : "ready";
    });
    const isOut = standings.map((standing) => standing === "open" || standing === "ejected");
    const outDomains = this.#domainsWhere(targets, isOut);
    if (tried.length > 0) this.#markNear(targets, standings);
    const prior = priorOf(states);
    return targets.map((target, at) => {
      const state = states[at] ?? this.#state(target.id);
      const weight = target.weight * state.share(nowMs);
      const inFlight = state.inFlight(nowMs);
      const isSuspect = outDomains !== null && this.#isIn(target, outDomains);
      const expectedMs =
        state.expectedMs(state.peak === null ? prior.unknown : prior.stale, nowMs) *
        (isSuspect ? SUSPICION : 1);
      const costMs = (expectedMs * (inFlight + 1)) / weight;
      return { target, state, standing: standings[at] ?? "ready", weight, inFlight, costMs };
    });
  }

  /** Marks, in place, those that are ready but near one that was tried. */
  #markNear(targets: readonly BalanceTarget[], standings: Considered["state"][]): void {
    const wasTried = standings.map((standing) => standing === "tried");
    const domains = this.#domainsWhere(targets, wasTried);
    const regions = new Set(
      targets.flatMap(({ region }, at) => (wasTried[at] === true ? [region] : [])),
    );
    for (const [at, target] of targets.entries()) {
      if (standings[at] !== "ready") continue;
      if (domains !== null && this.#isIn(target, domains)) standings[at] = "same_domain";
      else if (target.region !== null && regions.has(target.region)) standings[at] = "same_region";
    }
  }

  /** The domains of those marked, null when nobody is: the usual case, which costs nothing. */
  #domainsWhere(
    targets: readonly BalanceTarget[],
    marked: readonly boolean[],
  ): ReadonlySet<string> | null {
    if (!marked.includes(true)) return null;
    return new Set(
      targets.flatMap((target, at) => (marked[at] === true ? this.#domainsOf(target) : [])),
    );
  }

  #isIn(target: BalanceTarget, domains: ReadonlySet<string>): boolean {
    return this.#domainsOf(target).some((domain) => domains.has(domain));
  }

  #pick<T extends BalanceTarget>(
    candidates: readonly Candidate<T>[],
    inputs: ChoiceInputs,
  ): { readonly candidate: Candidate<T>; readonly reason: ChoiceReason } | null {
    const { strategy, nowMs, random, key, tried } = inputs;
    // What failed already goes where it will most likely succeed.
    if (tried.length === 0 && (strategy === "peak_ewma" || strategy === "softmax")) {
      const u = random();
      const doubtful = u < SECOND_OPINIONS ? candidates.filter(isDoubtful(nowMs)) : [];
      const stale = u < EXPLORATION ? candidates.filter(isStale(nowMs)) : [];
      const [asked, reason] =
        doubtful.length > 0 ? [doubtful, "second_opinion" as const] : [stale, "explored" as const];
      const candidate = asked[Math.floor(random() * asked.length)];
      if (candidate !== undefined) return { candidate, reason };
    }
    const [index, reason] = pickByStrategy(strategy, candidates, key, random);
    const candidate = candidates[index];
    return candidate === undefined ? null : { candidate, reason };
  }

  #ejectOutlier(own: TargetState, targets: readonly BalanceTarget[], nowMs: number): void {
    const states = targets.map(({ id }) => this.#state(id));
    const ejected = states.filter((state) => state.isEjected(nowMs)).length;
    if (own.isEjected(nowMs) || ejected >= mostEjected(targets.length)) return;
    const records = states
      .filter((state) => !state.isEjected(nowMs))
      .map((state) => state.record(nowMs));
    if (own.hasFailedInRow || isOutlier(own.record(nowMs), records)) own.eject(nowMs);
  }
}

function isDoubtful(nowMs: number): (candidate: { readonly state: TargetState }) => boolean {
  return ({ state }) => state.wantsSecondOpinion(nowMs);
}

function isStale(nowMs: number): (candidate: { readonly state: TargetState }) => boolean {
  return ({ state }) => !state.isFailing && (state.peak?.atMs ?? nowMs) < nowMs - DECAY_MS;
}

/** With nothing to choose from: whoever was not tried, an outlier before an open breaker, and those least. */
function lastResort<T>(untried: readonly Candidate<T>[]): readonly Candidate<T>[] {
  for (const standing of ["same_region", "same_domain", "ejected", "open"] as const) {
    const found = untried.filter((candidate) => candidate.standing === standing);
    if (found.length > 0) return found;
  }
  return untried;
}

/**
 * What to expect of a target nobody has measured lately: as much as of the best of them, or all that failed would be held for
 * slow by each other's figures; and of one that was never measured: what is usual, the lower middle of the others.
 */
function priorOf(states: readonly TargetState[]): {
  readonly stale: number;
  readonly unknown: number;
} {
  const known = states
    .flatMap(({ peak }) => (peak === null ? [] : [peak.ms]))
    .toSorted((a, b) => a - b);
  const unknown = known[Math.floor((known.length - 1) / 2)] ?? UNKNOWN_MS;
  return { stale: known[0] ?? UNKNOWN_MS, unknown };
}
