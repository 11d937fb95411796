/** What chains need of the room that knows tools. */

import type { Chain } from "../../contract/chain.ts";
import type { CallError } from "../../contract/run.ts";
import type { Json } from "../../platform/canonical-json.ts";
import type { Result } from "../../platform/result.ts";
import type { FindTool } from "../plan/plan-call.ts";

/** The tools of a run as chains see them, by the tenant's names. */
export interface ChainTools {
  readonly find: FindTool;
  /** The plan behind a tool; null when the tool is no chain, or unknown. */
  chainOf(tool: string): Chain | null;
  /** A chain's result as JSON text, held against the `output` schema of its tool. */
  writeOutput(tool: string, value: Json): Result<string, CallError>;
}
