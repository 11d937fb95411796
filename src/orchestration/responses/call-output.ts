/**
 * What a client reads of a gateway call: the result as text, or why there is none. Results can be megabytes and stand in
 * the stream twice, so one item and one response hold only so much; the rest is said to be left out. The model reads
 * its own, shaped elsewhere.
 */

import type { CallError, CallStatus } from "../../contract/run.ts";

/** Characters of one call's output. */
export const MAX_ITEM_OUTPUT = 256 * 1024;

/** Characters of all outputs of one response. */
export const ITEM_BUDGET = 4 * 1024 * 1024;

/** Output and error of a call's item; exactly one of them is null. `budget` is what the response may still hold. */
export function callOutput(
  end: {
    readonly outputJson: string | null;
    readonly error: CallError | null;
    readonly status: CallStatus;
  },
  budget: number,
): { readonly output: string | null; readonly error: string | null } {
  if (end.error !== null) return { output: null, error: `${end.status}: ${end.error.message}` };
  const text = plainText(end.outputJson ?? "null");
  const most = Math.max(0, Math.min(MAX_ITEM_OUTPUT, budget));
  if (text.length <= most) return { output: text, error: null };
  const left = text.length - most;
  return { output: `${text.slice(0, most)}… (${left} more characters)`, error: null };
}

/** A result that is a text is itself; anything else is its JSON. */
function plainText(json: string): string {
  if (!json.startsWith('"')) return json;
  const value: unknown = JSON.parse(json);
  return typeof value === "string" ? value : json;
}
