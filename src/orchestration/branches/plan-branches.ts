/**
 * Checks the branches of a run and completes them: each group with its rules, each branch with its calls and its scorer.
 *
 * Everything that is wrong is named with its pointer before anything is sent: a call of an undeclared branch, a branch
 * without calls, a group whose branches disagree, a policy without what it needs, a scorer or aggregate that is no tool.
 */

import {
  MAX_BRANCHES,
  type Aggregate,
  type Branch,
  type Branches,
  type GroupPolicy,
} from "../../contract/branch.ts";
import type { Violation } from "../../contract/error.ts";
import { pointerMember } from "../../contract/parse.ts";
import type { PlannedCall } from "../../contract/planned-call.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { aggregateTool } from "./aggregate.ts";
import type { GroupRules } from "./decide-group.ts";

/** Share of a group that must have succeeded before a slow branch is cut, unless the request says otherwise. */
export const DEFAULT_MIN_SHARE = 0.5;

/** One branch, complete. Plain data. */
export interface PlannedBranch {
  readonly name: string;
  /** Null: it has no rivals. */
  readonly group: string | null;
  /** Its calls in call order; the last one's output is what it is scored by. */
  readonly calls: readonly string[];
  /** `#/pointer` into that output, or the name of a tool; null when nobody asks for a score. */
  readonly score: string | null;
  readonly slowAfterMs: number | null;
}

/** The branches of a run, complete and checked. Plain data. */
export interface BranchPlan {
  readonly branches: readonly PlannedBranch[];
  readonly groups: readonly { readonly name: string; readonly rules: GroupRules }[];
  readonly aggregate: Aggregate;
}

/** What a request says about branches. */
export interface BranchRequest {
  readonly branches: Branches;
  readonly aggregate: Aggregate;
}

/** True for a scorer that points into an output; any other is the name of a tool. */
export function isFragment(score: string): boolean {
  return score.startsWith("#");
}

/** The plan, or everything that is wrong with it; `tools` are the names the caller may use. */
export function planBranches(
  { branches, aggregate }: BranchRequest,
  calls: readonly PlannedCall[],
  tools: ReadonlySet<string>,
): Result<BranchPlan, readonly Violation[]> {
  const names = Object.keys(branches);
  const violations: Violation[] = [];
  if (names.length > MAX_BRANCHES)
    violations.push({
      pointer: "/branches",
      message: `Must have at most ${MAX_BRANCHES} members.`,
    });
  for (const [index, { branch }] of calls.entries()) {
    if (branch !== undefined && !Object.hasOwn(branches, branch))
      violations.push({
        pointer: `/calls/${index}/branch`,
        message: `There is no branch "${branch}".`,
      });
  }
  const members = names.map((name) => member(name, branches, calls));
  for (const each of members) violations.push(...checkMember(each, tools));
  const groups = [...new Set(members.flatMap(({ group }) => group ?? []))].map((name) => {
    const ofGroup = members.filter(({ group }) => group === name);
    violations.push(...disagreements(name, ofGroup), ...checkGroup(ofGroup));
    return { name, stated: stated(ofGroup) };
  });
  violations.push(...checkAggregate(aggregate, members, tools));
  if (violations.length > 0) return fail(violations);
  return ok({
    branches: members.map(({ name, group, calls: own, score, slowAfterMs }) => ({
      name,
      group,
      calls: own,
      score,
      slowAfterMs,
    })),
    groups: groups.map(({ name, stated: { policy, keep, threshold, min_share, grace_ms } }) => ({
      name,
      rules: {
        policy: policy ?? "all",
        keep: keep ?? 1,
        threshold: threshold ?? 0,
        minShare: min_share ?? DEFAULT_MIN_SHARE,
        graceMs: grace_ms ?? 0,
      },
    })),
    aggregate,
  });
}

interface Member extends PlannedBranch {
  readonly pointer: string;
  readonly branch: Branch;
}

/** Fields a group has once, whichever of its branches states them. */
const GROUP_FIELDS = ["policy", "threshold", "keep", "min_share", "grace_ms"] as const;

type GroupFields = Pick<Branch, (typeof GROUP_FIELDS)[number]>;

function member(name: string, branches: Branches, calls: readonly PlannedCall[]): Member {
  const branch = branches[name] ?? {};
  const rivals = Object.values(branches).filter(
    ({ group }) => group !== undefined && group === branch.group,
  );
  return {
    name,
    pointer: `/branches${pointerMember(name)}`,
    branch,
    group: branch.group ?? null,
    calls: calls.filter((call) => call.branch === name).map(({ id }) => id),
    score: branch.score ?? rivals.find(({ score }) => score !== undefined)?.score ?? null,
    slowAfterMs:
      branch.slow_after_ms ??
      rivals.find(({ slow_after_ms: slow }) => slow !== undefined)?.slow_after_ms ??
      null,
  };
}

/** The group's fields, each from the first branch that states it. */
function stated(members: readonly Member[]): GroupFields {
  return Object.assign({}, ...members.map(({ branch }) => groupFields(branch)).toReversed());
}

function groupFields(branch: Branch): GroupFields {
  return Object.fromEntries(
    GROUP_FIELDS.flatMap((field) => (branch[field] === undefined ? [] : [[field, branch[field]]])),
  );
}

function disagreements(group: string, members: readonly Member[]): readonly Violation[] {
  const first = stated(members);
  return members.flatMap(({ pointer, branch }) =>
    GROUP_FIELDS.filter(
      (field) => branch[field] !== undefined && branch[field] !== first[field],
    ).map((field) => ({
      pointer: `${pointer}/${field}`,
      message: `Another branch of the group "${group}" says something else.`,
    })),
  );
}

function checkMember(
  { pointer, branch, group, calls }: Member,
  tools: ReadonlySet<string>,
): readonly Violation[] {
  const violations: Violation[] = [];
  if (calls.length === 0) violations.push({ pointer, message: "No call belongs to this branch." });
  if (group === null) {
    for (const field of [...GROUP_FIELDS, "slow_after_ms"] as const) {
      if (branch[field] !== undefined)
        violations.push({ pointer: `${pointer}/${field}`, message: "Only a group has this." });
    }
  }
  const { score } = branch;
  if (score !== undefined && !isFragment(score) && !tools.has(score))
    violations.push({ pointer: `${pointer}/score`, message: `There is no tool "${score}".` });
  return violations;
}

/** What the group's policy needs and what it has no use for, said once: at the branch that states the policy. */
function checkGroup(members: readonly Member[]): readonly Violation[] {
  const { policy = "all", keep, threshold } = stated(members);
  const at = members.find(({ branch }) => branch.policy !== undefined) ?? members[0];
  const isScored = members.some(({ score }) => score !== null);
  const wrong: readonly (readonly [boolean, string, string])[] = [
    [needsScore(policy) && !isScored, "score", `The policy ${policy} needs this.`],
    [policy === "first_good" && threshold === undefined, "threshold", "first_good needs this."],
    [policy !== "first_good" && threshold !== undefined, "threshold", "Only first_good has this."],
    [needsKeep(policy) && keep === undefined, "keep", `The policy ${policy} needs this.`],
    [policy === "all" && keep !== undefined, "keep", "The policy all keeps every branch."],
    [
      keep !== undefined && keep > members.length,
      "keep",
      `The group has ${members.length} branches only.`,
    ],
  ];
  return wrong.flatMap(([isWrong, field, message]) =>
    isWrong ? [{ pointer: `${at?.pointer ?? "/branches"}/${field}`, message }] : [],
  );
}

function needsScore(policy: GroupPolicy): boolean {
  return policy === "first_good" || policy === "top_n";
}

function needsKeep(policy: GroupPolicy): boolean {
  return policy === "top_n" || policy === "quorum";
}

function checkAggregate(
  aggregate: Aggregate,
  members: readonly Member[],
  tools: ReadonlySet<string>,
): readonly Violation[] {
  const tool = aggregateTool(aggregate);
  if (tool !== null && !tools.has(tool))
    return [{ pointer: "/aggregate", message: `There is no tool "${tool}".` }];
  if (aggregate === "best" && members.every(({ score }) => score === null))
    return [
      {
        pointer: "/aggregate",
        message: "best needs a branch with a score, or a score of its own.",
      },
    ];
  return [];
}
