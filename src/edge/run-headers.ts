/** Request headers that choose how a run is carried out: `Idempotency-Key`, `x-gw-tools`, `x-gw-events`. */

import type { GatewayError } from "../contract/error.ts";
import { fail, ok, type Result } from "../platform/result.ts";

/** Longest list of tool names read. */
const MAX_NAMED_TOOLS = 256;

/** Gateway tools offered to the model. */
export type ToolChoice = "all" | "none" | readonly string[];

/** The request's idempotency key, null when it sent none. */
export function readIdempotencyKey(
  header: string | undefined,
): Result<string | null, GatewayError> {
  if (header === undefined) return ok(null);
  if (/^[\x21-\x7E](?:[\x20-\x7E]{0,253}[\x21-\x7E])?$/.test(header)) return ok(header);
  return refused("Idempotency-Key", "Must be 1 to 255 printable ASCII characters.");
}

/** The position after which a stream goes on: 0 when the client names none. */
export function readLastEventId(header: string | undefined): Result<number, GatewayError> {
  if (header === undefined || header === "") return ok(0);
  if (/^\d{1,9}$/.test(header)) return ok(Number(header));
  return refused("Last-Event-ID", "Must be the id of one of the run's events.");
}

/** The tools `x-gw-tools` names; each must be one of the tenant's `tools` that the key may use (`allowed`, null for all). */
export function readToolChoice(
  header: string | undefined,
  tools: readonly { readonly name: string }[],
  allowed: readonly string[] | null,
): Result<ToolChoice, GatewayError> {
  const text = header?.trim() ?? "all";
  if (text === "all" || text === "none") return ok(text);
  const names = [...new Set(text.split(",").map((name) => name.trim()))].filter(Boolean);
  if (names.length > MAX_NAMED_TOOLS) return refused("x-gw-tools", "Names too many tools.");
  const isKnown = (name: string) =>
    (allowed?.includes(name) ?? true) && tools.some((tool) => tool.name === name);
  const unknown = names.find((name) => !isKnown(name));
  return unknown === undefined
    ? ok(names)
    : refused("x-gw-tools", `There is no tool ${JSON.stringify(unknown.slice(0, 64))}.`);
}

/** True when `x-gw-events` asks for the activity of gateway tools. */
export function wantsToolEvents(header: string | undefined): boolean {
  return header?.split(",").some((name) => name.trim() === "tools") ?? false;
}

function refused(header: string, message: string): Result<never, GatewayError> {
  const violations = [{ pointer: "", message: `${header}: ${message}` }];
  return fail({ code: "validation_failed", violations });
}
