/** The tools of a chat scene: they accept anything but arguments that are not JSON or hold a field `bad`. */

import type { OfferedTool, PlannedCall, ToolBox } from "../../src/orchestration/ports.ts";
import { referenceBox } from "../../src/orchestration/plan/reference-box.ts";
import type { JsonObject } from "../../src/platform/canonical-json.ts";
import { fail, ok } from "../../src/platform/result.ts";
import { plannedCall } from "./fake-lanes.ts";

/** What the box offers. */
export interface BoxSetup {
  readonly offered: readonly OfferedTool[];
  readonly maxParallelOfTool?: number;
  /** The tools leave the tenant's zone of trust. */
  readonly isObservable?: boolean;
  /** Calls may refer to each other's results. */
  readonly references?: boolean;
  /** Output schemas by the tenant's names. */
  readonly outputs?: Readonly<Record<string, JsonObject>>;
  /** What a tool's calls are besides. */
  readonly callsOf?: (tool: string) => Partial<PlannedCall>;
}

/** A box whose tools take any object without a field `bad`. */
export function toolBox(setup: BoxSetup): ToolBox {
  const box = plainBox(setup);
  return setup.references === true ? referenceBox(box, true) : box;
}

function plainBox(setup: BoxSetup): ToolBox {
  const { offered } = setup;
  return {
    offered,
    find(wireName) {
      const tool = offered.find((each) => each.wireName === wireName);
      if (tool === undefined) return null;
      return {
        name: tool.name,
        input: tool.input,
        output: setup.outputs?.[tool.name] ?? null,
        check: (values) =>
          "bad" in values ? [{ pointer: "/bad", message: "This field is not allowed." }] : [],
        call: (id, values) => callOf(setup, id, tool.name, values),
      };
    },
    parse(argumentsJson) {
      const parsed = parseArguments(argumentsJson);
      return parsed === null
        ? fail({ code: "arguments_not_json", message: "The arguments are not JSON." })
        : ok(parsed);
    },
    plan(id, wireName, argumentsJson) {
      const tool = offered.find((each) => each.wireName === wireName);
      if (tool === undefined)
        return fail({ code: "unknown_tool", message: "There is no such tool." });
      const parsed = parseArguments(argumentsJson);
      if (parsed === null)
        return fail({ code: "arguments_not_json", message: "The arguments are not JSON." });
      if ("bad" in parsed) return fail({ code: "arguments_invalid", message: "/bad is unknown." });
      return ok(callOf(setup, id, tool.name, parsed));
    },
  };
}

function callOf(setup: BoxSetup, id: string, tool: string, values: JsonObject): PlannedCall {
  const asks = setup.offered.some(({ name, needsApproval }) => name === tool && needsApproval);
  return plannedCall(id, {
    tool,
    arguments: values,
    effect: tool === "shop.buy" ? "write" : "read",
    maxParallel: setup.maxParallelOfTool ?? null,
    ...(setup.isObservable === true && { observable: true }),
    ...(asks && { approval: "required", toolVersion: 7 }),
    ...setup.callsOf?.(tool),
  });
}

function parseArguments(argumentsJson: string): JsonObject | null {
  if (argumentsJson === "") return {};
  try {
    const parsed: JsonObject = JSON.parse(argumentsJson);
    return parsed;
  } catch {
    return null;
  }
}
