/** A run's tools as one response may use them: fewer of them, and with calls marked as asked about or approved. */

import type { PlannedCall } from "../../contract/planned-call.ts";
import { fail } from "../../platform/result.ts";
import { decorateLanes } from "../journal/decorate-lanes.ts";
import type { LanePool, ToolBox } from "../ports.ts";

/** `tools` without those not in `offered`; calls of those in `asked` have to be approved. */
export function narrowedTools(
  tools: ToolBox,
  offered: ReadonlySet<string>,
  asked: ReadonlySet<string>,
): ToolBox {
  const left = tools.offered.filter(({ name }) => offered.has(name));
  const gone = new Set(
    tools.offered.flatMap(({ name, wireName }) => (offered.has(name) ? [] : [wireName])),
  );
  const marked = marking(tools, (call) =>
    asked.has(call.tool) ? { ...call, approval: "required" } : call,
  );
  return {
    ...marked,
    offered: left.map((tool) => (asked.has(tool.name) ? { ...tool, needsApproval: true } : tool)),
    plan: (id, wireName, argumentsJson, isTentative) =>
      gone.has(wireName)
        ? fail({ code: "unknown_tool", message: `There is no tool "${wireName}".` })
        : marked.plan(id, wireName, argumentsJson, isTentative),
    find: (wireName) => (gone.has(wireName) ? null : marked.find(wireName)),
  };
}

/**
 * `pool` in which calls of the tools in `asked` have to be approved, whoever makes them: a chain plans its steps by
 * itself.
 */
export function askingLanes(pool: LanePool, asked: ReadonlySet<string>): LanePool {
  if (asked.size === 0) return pool;
  return decorateLanes(pool, {
    run: (lane, call, timeoutMs, signal) => {
      const isOpen = asked.has(call.tool) && call.approval !== "granted";
      return lane.run(isOpen ? { ...call, approval: "required" } : call, timeoutMs, signal);
    },
  });
}

/** `tools` for exactly the calls somebody said yes to, by id. */
export function approvedTools(tools: ToolBox, callIds: ReadonlySet<string>): ToolBox {
  return marking(tools, (call) => (callIds.has(call.id) ? { ...call, approval: "granted" } : call));
}

function marking(tools: ToolBox, mark: (call: PlannedCall) => PlannedCall): ToolBox {
  return {
    ...tools,
    plan(id, wireName, argumentsJson, isTentative) {
      const planned = tools.plan(id, wireName, argumentsJson, isTentative);
      return planned.ok ? { ok: true, value: mark(planned.value) } : planned;
    },
    find(wireName) {
      const tool = tools.find(wireName);
      return tool && { ...tool, call: (id, values) => mark(tool.call(id, values)) };
    },
  };
}
