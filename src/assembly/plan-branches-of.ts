/** The branches of a request, checked against its planned calls and the tools the caller may use. */

import type { GatewayError } from "../contract/error.ts";
import type { RunRequest } from "../contract/run.ts";
import type { Tool } from "../contract/tool.ts";
import { planBranches, type BranchPlan } from "../orchestration/branches/plan-branches.ts";
import type { PlannedCall } from "../orchestration/ports.ts";
import { fail, ok, type Result } from "../platform/result.ts";

/** The calls with their branches, and the plan of those; every mistake is named at once. */
export function planBranchesOf(
  request: RunRequest,
  calls: readonly PlannedCall[],
  tools: readonly Tool[],
): Result<{ readonly calls: readonly PlannedCall[]; readonly branches: BranchPlan }, GatewayError> {
  const { branches = {}, aggregate = "all" } = request;
  const placed = calls.map((call, index): PlannedCall => {
    const branch = request.calls[index]?.branch;
    return branch === undefined ? call : { ...call, branch };
  });
  const names = new Set(tools.map(({ name }) => name));
  const plan = planBranches({ branches, aggregate }, placed, names);
  if (!plan.ok) return fail({ code: "unprocessable", violations: plan.error });
  return ok({ calls: placed, branches: plan.value });
}
