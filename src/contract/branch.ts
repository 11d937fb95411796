/**
 * Branches of a run: calls that are tried side by side, and what is made of their results. `orchestration/branches`
 * says exactly when a branch wins, loses or is cut.
 */

import * as z from "zod/mini";

import { ToolName, wholeNumber } from "./names.ts";

/** Branches of one run. */
export const MAX_BRANCHES = 64;

/** Name of a branch or of a group of them. */
export const BranchName = z.string().check(z.regex(/^[A-Za-z0-9_.:-]{1,64}$/));

/** A JSON pointer as a fragment: `#` is the whole value, `#/rating` a member of it. */
export const Fragment = z.string().check(z.maxLength(512), z.regex(/^#(\/.*)?$/s));

/**
 * How a group of branches is decided. `all`: every branch counts. `first_success`: the first `keep` that succeed.
 * `first_good`: the first `keep` whose score reaches `threshold`. `top_n`: when all have ended, the `keep` best by score.
 * `quorum`: the first `keep` that succeed, or none at all.
 */
export const GroupPolicy = z.enum(["all", "first_success", "first_good", "top_n", "quorum"]);
/** How a group of branches is decided. */
export type GroupPolicy = z.infer<typeof GroupPolicy>;

/**
 * One branch. What belongs to the group (`policy`, `threshold`, `keep`, `min_share`, `grace_ms`) may stand on any of its
 * branches and must not differ between them; `score` and `slow_after_ms` are the branch's own and otherwise those of
 * the first branch of the group that has one.
 */
export const Branch = z.strictObject({
  group: z.optional(BranchName),
  policy: z.optional(GroupPolicy),
  /** A number in the output of the branch's last call, or the name of a tool that is given the branch's results. */
  score: z.optional(z.union([Fragment, ToolName])),
  /** Least score of a good branch; only for `first_good`. */
  threshold: z.optional(z.number()),
  /** Winners of the group; 1 for `first_success` and `first_good` when absent. */
  keep: z.optional(wholeNumber(1, MAX_BRANCHES)),
  /** A branch still going on so long after the run's start is cut, once `min_share` and `grace_ms` allow it. */
  slow_after_ms: z.optional(wholeNumber(1, 300_000)),
  /** Share of the group's branches that must have succeeded before any is cut; half when absent. */
  min_share: z.optional(z.number().check(z.gte(0), z.lte(1))),
  /** Time between the moment that share is reached and the first cut; 0 when absent. */
  grace_ms: z.optional(wholeNumber(0, 300_000)),
});
/** One branch as a client writes it. */
export type Branch = z.infer<typeof Branch>;

/** The branches of a run by name. */
export type Branches = Readonly<Record<string, Branch>>;

/**
 * One value made of a run's results. `all`: none, the results stand as they are. `first_success`: the output of what
 * succeeded first. `best`: of what has the highest score. `merge`: one list of all outputs without duplicates, conflicts
 * named. Any other word is a tool that is given all results.
 */
export const Aggregate = z.union([
  ToolName,
  z.strictObject({ best: z.strictObject({ score: Fragment }) }),
  z.strictObject({
    merge: z.strictObject({
      /** Where a result's items are; a value that is no list is one item. The whole output when absent. */
      items: z.optional(Fragment),
      /** What tells an item from another; the whole item when absent. */
      key: z.optional(Fragment),
    }),
  }),
]);
/** How a run's results become one value. */
export type Aggregate = z.infer<typeof Aggregate>;

/** How a branch ended. Without a group it has no rivals: `succeeded` or `failed`. */
export type BranchStatus = "won" | "lost" | "cut" | "succeeded" | "failed" | "cancelled";

/** One branch's line in a run's answer. */
export interface BranchReport {
  readonly status: BranchStatus;
  readonly group?: string;
  /** Absent when it has none: no scorer, not succeeded, or no number where the scorer points. */
  readonly score?: number;
}

/** What was made of a run's results. */
export interface AggregateReport {
  readonly policy: "first_success" | "best" | "merge" | "tool";
  /** The call whose output it is; absent for a merge. */
  readonly call?: string;
  /** JSON text; absent when there is nothing. */
  readonly outputJson?: string;
  /** Items of a merge with the same key and different content, at most `MAX_CONFLICTS`. */
  readonly conflicts?: readonly MergeConflict[];
  readonly error?: { readonly code: string; readonly message: string };
}

/** One place where two items of the same key differ. The first value stands. */
export interface MergeConflict {
  /** JSON text of the key. */
  readonly key: string;
  /** JSON pointer into the item. */
  readonly pointer: string;
  /** The call whose value stands, and the one whose value was dropped. */
  readonly kept: string;
  readonly dropped: string;
}
