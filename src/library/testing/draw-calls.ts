/** Calls over time as text: a line a call, for the message of an expectation that does not hold. */

import type { TimedCall } from "./expect-tool-calls.ts";

/** Lines of one drawing; of more calls the rest is counted. */
export const MAX_LINES = 40;

const WIDTH = 40;

const LABEL = 24;

/** The drawing, in the order of `calls`. */
export function drawCalls(calls: readonly TimedCall[]): string {
  if (calls.length === 0) return "(no calls)";
  const endMs = Math.max(1, ...calls.map(({ startedMs, durationMs }) => startedMs + durationMs));
  const shown = calls.slice(0, MAX_LINES).map((call) => line(call, endMs));
  const rest = calls.length - shown.length;
  return [...shown, ...(rest > 0 ? [`… and ${rest} more`] : [])].join("\n");
}

function line({ id, tool, startedMs, durationMs }: TimedCall, endMs: number): string {
  const name = id === tool ? id : `${id} (${tool})`;
  const start = Math.min(WIDTH - 1, Math.floor((startedMs / endMs) * WIDTH));
  const length = Math.max(1, Math.round((durationMs / endMs) * WIDTH));
  const bar = " ".repeat(start) + "█".repeat(Math.min(length, WIDTH - start));
  const label = name.length > LABEL ? `${name.slice(0, LABEL - 1)}…` : name.padEnd(LABEL);
  return `${label} |${bar.padEnd(WIDTH)}| ${startedMs}–${startedMs + durationMs} ms`;
}
