/** A random run of calls: tools, a graph of calls with references, caps, branches, and what happens to it from outside. */

import type { Aggregate, Branches } from "../../src/contract/branch.ts";
import type { CallableTool, PlannedCall } from "../../src/contract/planned-call.ts";
import type { RunCaps } from "../../src/contract/policy.ts";
import type { Effect } from "../../src/contract/tool.ts";
import { type BranchPlan, planBranches } from "../../src/orchestration/branches/plan-branches.ts";
import { plannedCall } from "../support/fake-lanes.ts";
import { Dice } from "./dice.ts";
import { drawIncidents, type Incident } from "./incidents.ts";

/** A run and its world. */
export interface CallsWorld {
  readonly seed: number;
  readonly calls: readonly PlannedCall[];
  readonly branches: BranchPlan;
  readonly mode: "parallel" | "sequential";
  readonly maxParallel: number;
  readonly deadlineMs: number;
  readonly caps: RunCaps;
  readonly slotsOfLane: number;
  /** Places of the isolate, shared with others; null for as many as anybody wants. */
  readonly places: number | null;
  /** How long the reader takes for each event. */
  readonly readerMs: number;
  readonly incidents: readonly Incident[];
}

const MAX_CALLS = 14;
const TAGS = ["p", "q"] as const;

interface SimTool {
  readonly name: string;
  readonly effect: Effect;
  readonly changes: Partial<PlannedCall>;
}

/** Draws the world of `seed`. */
export function drawCallsWorld(seed: number): CallsWorld {
  const dice = new Dice(seed, "calls world");
  const tools = [0, 1, 2, 3].map((n) => drawTool(dice, n));
  const names = dice.chance(0.35) ? (["b0", "b1", "b2"] as const).slice(0, dice.int(1, 3)) : [];
  const calls = drawCalls(dice, tools, names);
  const branches = drawBranches(dice, calls, names);
  return {
    seed,
    calls: branches.branches.length > 0 ? calls : calls.map(withoutBranch),
    branches,
    mode: dice.chance(0.1) ? "sequential" : "parallel",
    maxParallel: dice.int(1, 8),
    deadlineMs: dice.pick([15, 60, 200, 600, 2_000, 10_000, 10_000]),
    caps: {
      tags: dice.chance(0.5) ? { p: dice.int(1, 3) } : {},
      hosts: dice.chance(0.3) ? { h: dice.int(1, 3) } : {},
      groups: dice.chance(0.3) ? { g: dice.int(1, 2) } : {},
    },
    slotsOfLane: dice.pick([1, 2, 5]),
    places: dice.chance(0.2) ? dice.int(1, 4) : null,
    readerMs: dice.chance(0.2) ? dice.int(1, 30) : 0,
    incidents: drawIncidents(
      dice,
      calls.map(({ id }) => id),
      branches.branches.map(({ name }) => name),
    ),
  };
}

/** Finds every tool; scorers and aggregators read. */
export function findAny(name: string): CallableTool {
  return {
    name,
    input: {},
    output: null,
    check: () => [],
    call: (id, values) => plannedCall(id, { tool: name, arguments: values }),
  };
}

function drawTool(dice: Dice, n: number): SimTool {
  return {
    name: `t${n}`,
    effect: dice.pick(["pure", "read", "read", "idempotent_write", "write", "write"]),
    changes: {
      maxParallel: dice.chance(0.3) ? dice.int(1, 2) : null,
      tags: TAGS.filter(() => dice.chance(0.3)),
      timeoutMs: dice.pick([10, 50, 300, 5_000]),
      ...(dice.chance(0.4) && { host: "h" }),
      ...(dice.chance(0.3) && { group: "g" }),
    },
  };
}

function drawCalls(
  dice: Dice,
  tools: readonly SimTool[],
  branches: readonly string[],
): readonly PlannedCall[] {
  const count = dice.int(1, MAX_CALLS);
  const ids = Array.from({ length: count }, (_, n) => `c${n}`);
  // Needs go against this order, so a call may stand before what it needs.
  const order = dice.shuffled(ids);
  return ids.map((id, n): PlannedCall => {
    const { name: tool, effect, changes } = tools[dice.int(0, tools.length - 1)] ?? FIRST_TOOL;
    const before = order.slice(0, order.indexOf(id));
    const needs = dice.shuffled(before).filter((_need, at) => at < 2 && dice.chance(0.35));
    const isTwin = dice.chance(0.25);
    const branch = branches[dice.int(0, Math.max(2, branches.length))];
    return plannedCall(id, {
      ...changes,
      tool,
      effect,
      arguments: {
        n: isTwin ? dice.int(0, 1) : 100 + n,
        ...Object.fromEntries(needs.map((need, at) => [`x${at}`, { $ref: `${need}#/serial` }])),
      },
      priority: dice.pick([0, 0, 0, 1, -1]),
      ...(branch !== undefined && { branch }),
      ...(needs.length > 0 && {
        needs,
        references: needs.map((need, at) => ({
          at: `/x${at}`,
          kind: "value" as const,
          source: { label: need, pointer: dice.chance(0.03) ? "/no" : "/serial", call: need },
        })),
      }),
    });
  });
}

const FIRST_TOOL: SimTool = { name: "t0", effect: "read", changes: {} };
const NO_BRANCHES: BranchPlan = { branches: [], groups: [], aggregate: "all" };

function drawBranches(
  dice: Dice,
  calls: readonly PlannedCall[],
  names: readonly string[],
): BranchPlan {
  const aggregate: Aggregate = dice.pick(["all", "all", "first_success", "merge", "collect"]);
  const used = names.filter((name) => calls.some(({ branch }) => branch === name));
  const isGrouped = used.length > 1 && dice.chance(0.8);
  const policy = dice.pick(["all", "first_success", "first_good", "top_n", "quorum"]);
  const needsScore = policy === "first_good" || policy === "top_n";
  const rules = {
    group: "g",
    policy,
    ...((policy === "top_n" || policy === "quorum") && { keep: dice.int(1, used.length) }),
    ...(policy === "first_good" && { threshold: dice.int(0, 6) }),
    ...((needsScore || dice.chance(0.2)) && { score: dice.pick(["#/score", "#/score", "judge"]) }),
    ...(dice.chance(0.4) && { slow_after_ms: dice.int(1, 150), grace_ms: dice.int(0, 50) }),
  };
  const branches: Branches = Object.fromEntries(used.map((name) => [name, isGrouped ? rules : {}]));
  const tools = new Set(["judge", "collect"]);
  const plan = planBranches({ branches, aggregate }, calls, tools);
  return plan.ok ? plan.value : NO_BRANCHES;
}

function withoutBranch(call: PlannedCall): PlannedCall {
  const { branch: _none, ...rest } = call;
  return rest;
}
