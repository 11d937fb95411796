/** The output of a call where one JSON text is wanted, whatever became of it. */

import type { CallOutcome } from "../../contract/run.ts";

/** The output; where it is kept elsewhere, its handle and length, which say so; `null` when there is none. */
export function outputText({ outputJson, kept }: Pick<CallOutcome, "outputJson" | "kept">): string {
  if (kept === undefined) return outputJson ?? "null";
  return JSON.stringify({ handle: kept.handle, bytes: kept.bytes });
}
