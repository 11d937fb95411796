/**
 * Decides a group of branches: who has won, who is to be aborted, and when to look again. A pure function of what is
 * known now, so that it can be tested without a scheduler; `branch-director.ts` feeds it.
 *
 * A branch succeeds when all its calls have succeeded and fails with the first that has not. One that waits for a
 * scorer tool is still open. A decision never changes once the group is `won` or `failed`: winners are told by the
 * moment they ended (ties by their order in the request), and what ends later ends behind them.
 *
 * - `all`: waits for every branch; won when each that was not cut has succeeded.
 * - `first_success`, `first_good`: won as soon as `keep` branches qualify; when fewer ever do, those that did have won.
 * - `top_n`: waits for every branch, then the best `keep` by score; a branch without a score cannot win.
 * - `quorum`: won as soon as `keep` have succeeded, failed as soon as that cannot happen any more.
 *
 * A slow branch is cut at the later of `startedAtMs + slowAfterMs` and `graceMs` after the moment at which `minShare` of
 * the group had succeeded. Only successes count towards the share: branches that fail fast must not cut a slow good one.
 */

import type { GroupPolicy } from "../../contract/branch.ts";

/** The rules of one group, complete. */
export interface GroupRules {
  readonly policy: GroupPolicy;
  readonly keep: number;
  /** Least score that is good; only `first_good` looks at it. */
  readonly threshold: number;
  readonly minShare: number;
  readonly graceMs: number;
}

/** What is known of one branch. `cut`: aborted as slow. */
export interface BranchView {
  readonly name: string;
  readonly state: "open" | "succeeded" | "failed" | "cut";
  /** When it stopped being open; null while it is. */
  readonly endedAtMs: number | null;
  /** Null: none, or not known yet. */
  readonly score: number | null;
  /** Null: never cut. */
  readonly slowAfterMs: number | null;
}

/** What is to be done with a group. */
export interface GroupDecision {
  readonly state: "open" | "won" | "failed";
  /** Best first; empty unless won. */
  readonly winners: readonly string[];
  /** Open branches to abort now because the group is decided. */
  readonly losers: readonly string[];
  /** Open branches to abort now because they are slow. */
  readonly cut: readonly string[];
  /** When a branch may have to be cut; null when only a branch's end can change anything. */
  readonly wakeAtMs: number | null;
}

/** Decides `branches`, listed in the order of the request, which began at `startedAtMs`. */
export function decideGroup(
  rules: GroupRules,
  branches: readonly BranchView[],
  startedAtMs: number,
  nowMs: number,
): GroupDecision {
  const open = branches.filter(({ state }) => state === "open");
  const names = open.map(({ name }) => name);
  const decided = (state: "won" | "failed", winners: readonly string[]): GroupDecision => ({
    state,
    winners,
    losers: names,
    cut: [],
    wakeAtMs: null,
  });
  const winners = winnersOf(rules, branches);
  if (winners.length >= rules.keep && rules.policy !== "all" && rules.policy !== "top_n")
    return decided("won", winners.slice(0, rules.keep));
  if (rules.policy === "quorum" && winners.length + open.length < rules.keep)
    return decided("failed", []);
  if (open.length === 0) return allEnded(rules, branches, winners);
  return cutSlow(rules, branches, startedAtMs, nowMs);
}

function allEnded(
  { policy, keep }: GroupRules,
  branches: readonly BranchView[],
  winners: readonly string[],
): GroupDecision {
  const isLost = policy === "all" && branches.some(({ state }) => state === "failed");
  const kept = policy === "all" ? winners : winners.slice(0, keep);
  const isWon = kept.length > 0 && !isLost;
  return {
    state: isWon ? "won" : "failed",
    winners: isWon ? kept : [],
    losers: [],
    cut: [],
    wakeAtMs: null,
  };
}

/** Names of the branches that qualify, best first. */
function winnersOf(rules: GroupRules, branches: readonly BranchView[]): readonly string[] {
  const qualified = branches.filter(
    ({ state, score }) => state === "succeeded" && qualifies(rules, score),
  );
  const byEnd = qualified.toSorted((a, b) => (a.endedAtMs ?? 0) - (b.endedAtMs ?? 0));
  const ordered =
    rules.policy === "top_n" ? byEnd.toSorted((a, b) => (b.score ?? 0) - (a.score ?? 0)) : byEnd;
  return ordered.map(({ name }) => name);
}

function qualifies({ policy, threshold }: GroupRules, score: number | null): boolean {
  if (policy === "first_good") return score !== null && score >= threshold;
  return policy !== "top_n" || score !== null;
}

function cutSlow(
  { minShare, graceMs }: GroupRules,
  branches: readonly BranchView[],
  startedAtMs: number,
  nowMs: number,
): GroupDecision {
  const shareAtMs = shareReachedAtMs(minShare, branches, startedAtMs);
  const cuts = branches.flatMap(({ name, state, slowAfterMs }) =>
    state === "open" && slowAfterMs !== null && shareAtMs !== null
      ? [{ name, atMs: Math.max(startedAtMs + slowAfterMs, shareAtMs + graceMs) }]
      : [],
  );
  const later = cuts.filter(({ atMs }) => atMs > nowMs).map(({ atMs }) => atMs);
  return {
    state: "open",
    winners: [],
    losers: [],
    cut: cuts.filter(({ atMs }) => atMs <= nowMs).map(({ name }) => name),
    wakeAtMs: later.length === 0 ? null : Math.min(...later),
  };
}

/** The moment at which so many branches had succeeded; null while they have not. */
function shareReachedAtMs(
  minShare: number,
  branches: readonly BranchView[],
  startedAtMs: number,
): number | null {
  // A share such as 0.07 of 100 is a hair above 7 in binary; that hair is no branch.
  const needed = Math.ceil(minShare * branches.length - 1e-9);
  if (needed <= 0) return startedAtMs;
  const ends = branches
    .flatMap(({ state, endedAtMs }) =>
      state === "succeeded" && endedAtMs !== null ? [endedAtMs] : [],
    )
    .toSorted((a, b) => a - b);
  return ends[needed - 1] ?? null;
}
