/** Which caps a call counts under: its tool's own, and the policy's by tag, host and group. */

import type { PlannedCall } from "../../contract/planned-call.ts";
import type { RunCaps } from "../../contract/policy.ts";
import type { Cap } from "./ready-queue.ts";

/** Caps of a call that has none; one list, so that a wide run makes no other. */
const UNCAPPED: readonly Cap[] = [];

/** The caps of `call`, in a fixed order. */
export function capsOf(call: PlannedCall, caps: RunCaps | undefined): readonly Cap[] {
  const { tool, maxParallel, tags = [], host, group } = call;
  const own = maxParallel === null ? [] : [{ name: `tool ${tool}`, limit: maxParallel }];
  const found = [
    ...own,
    ...[...new Set(tags)].flatMap((tag) => capOf("tag", tag, caps?.tags)),
    ...(host === undefined ? [] : capOf("host", host, caps?.hosts)),
    ...(group === undefined ? [] : capOf("group", group, caps?.groups)),
  ];
  return found.length === 0 ? UNCAPPED : found;
}

function capOf(
  kind: string,
  name: string,
  limits: Readonly<Record<string, number>> = {},
): readonly Cap[] {
  const limit = Object.hasOwn(limits, name) ? limits[name] : undefined;
  return limit === undefined ? [] : [{ name: `${kind} ${name}`, limit }];
}
