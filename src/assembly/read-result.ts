/** A kept result read from outside: whole, or the value at a JSON pointer. */

import type { GatewayError } from "../contract/error.ts";
import { valueAt } from "../orchestration/results/query-result.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { keptResults } from "./kept-results.ts";
import { runContext, type RunCaller } from "./run-context.ts";
import { toolContext } from "./tool-ports.ts";

/** The JSON text. `not_found`: the handle is unknown, another tenant's or expired, or the pointer leads nowhere. */
export async function readResult(
  env: Env,
  caller: RunCaller,
  handle: string,
  pointer: string,
): Promise<Result<string, GatewayError>> {
  const json = await keptResults(env, toolContext(runContext(caller, ""))).read(handle);
  const value = json === null ? null : valueAt(json, pointer);
  return value === null ? fail({ code: "not_found" }) : ok(value);
}
