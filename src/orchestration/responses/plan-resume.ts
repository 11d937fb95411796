/**
 * What a client's words on a held turn come to, before any of them is used up.
 *
 * A yes holds for one call of one turn, for the tool, the definition and the arguments that were asked about, and for no
 * other; a no holds whatever has changed. Words on calls that were spoken for before are the history of a client that
 * sends everything again: they are passed over where a new one comes with them, and refused alone.
 */

import type { GatewayError, Violation } from "../../contract/error.ts";
import type { HeldCall, HeldTurn } from "../../contract/gateway-call.ts";
import { canonicalJson, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import type { TurnCall } from "../chat-turn.ts";
import { turnOfApproval } from "../held-calls.ts";
import type { ToolBox } from "../ports.ts";
import type { OpenTurn } from "./ports.ts";
import type { Approval, ReadInput } from "./read-input.ts";

/** What is to be done with a held turn. */
export interface Resumption {
  readonly turnId: string;
  readonly turn: HeldTurn;
  /** Calls somebody said yes to, in the model's order, with the approval they were asked for by. */
  readonly granted: readonly (TurnCall & { readonly approvalId: string })[];
  /** Results known already: of calls somebody said no to, and of the client's own. */
  readonly contents: ReadonlyMap<string, Json>;
  /** Calls to claim before anything is done. */
  readonly claims: readonly string[];
  /** Messages of the client's that follow once the turn is whole. */
  readonly added: readonly JsonObject[];
}

/** The turn the input's approvals speak of; null without any. */
export function turnOfInput(approvals: readonly Approval[]): Result<string | null, GatewayError> {
  const turnIds = new Set(approvals.map(({ id }) => turnOfApproval(id)));
  if (turnIds.size === 0) return ok(null);
  const [turnId] = turnIds;
  if (turnIds.has(null)) return fail({ code: "approval_refused", reason: "unknown or expired" });
  if (turnIds.size > 1) return invalid("Approvals of more than one turn cannot be used at once.");
  return ok(turnId ?? null);
}

/** Reads the words on `open`. `tools` must be those the calls would be made with. */
export function planResume(
  turnId: string,
  open: OpenTurn,
  input: ReadInput,
  tools: ToolBox,
): Result<Resumption, GatewayError> {
  const words = wordsOn(open, input);
  if (!words.ok) return words;
  const granted: Resumption["granted"][number][] = [];
  const contents = new Map<string, Json>();
  for (const { callId, held, approve, reason } of words.value) {
    if (!approve) contents.set(callId, deniedContent(reason));
    else if (isAsAsked(callId, held, input, tools))
      granted.push({
        id: callId,
        name: held.wireName,
        argumentsJson: held.argumentsJson,
        clientId: null,
        approvalId: held.approvalId,
      });
    else return fail({ code: "approval_refused", reason: "for another tool or arguments" });
  }
  const claims = words.value.map(({ callId }) => callId);
  for (const { id, clientId, content } of open.turn.calls) {
    const output = clientId === null || content !== null ? undefined : input.outputs.get(clientId);
    if (output !== undefined) contents.set(id, output);
  }
  const isOpen = open.turn.calls.some(({ content }) => content === null);
  if (isOpen && claims.length + contents.size === 0)
    return invalid("Approval requests of the previous response are open; answer them first.");
  const added = input.messages.slice(input.newFrom).filter(({ role }) => role !== "tool");
  const refused = checkLeft(open, claims, contents, added);
  if (refused !== null) return fail(refused);
  return ok({ turnId, turn: open.turn, granted, contents, claims, added });
}

interface Word extends Omit<Approval, "id"> {
  readonly callId: string;
  readonly held: HeldCall;
}

/** The words that count, in the model's order. */
function wordsOn(
  { turn, claimed }: OpenTurn,
  { approvals }: ReadInput,
): Result<readonly Word[], GatewayError> {
  const byApproval = new Map<string, Approval>();
  for (const approval of approvals) {
    const known = byApproval.get(approval.id);
    // Of a yes and a no to the same call, the no counts.
    if (known === undefined || known.approve) byApproval.set(approval.id, approval);
  }
  const words: Word[] = [];
  let wasUsed = false;
  for (const { id: callId, held, content } of turn.calls) {
    const approval = held === null ? undefined : byApproval.get(held.approvalId);
    if (held === null || approval === undefined) continue;
    byApproval.delete(held.approvalId);
    if (claimed.has(callId) || content !== null) wasUsed = true;
    else words.push({ callId, held, approve: approval.approve, reason: approval.reason });
  }
  if (byApproval.size > 0) return fail({ code: "approval_refused", reason: "unknown or expired" });
  if (wasUsed && words.length === 0)
    return fail({ code: "approval_refused", reason: "already used" });
  return ok(words);
}

/** True when the call would still be the one that was asked about. */
function isAsAsked(callId: string, held: HeldCall, input: ReadInput, tools: ToolBox): boolean {
  const plan = tools.plan(callId, held.wireName, held.argumentsJson);
  if (!plan.ok || plan.value.tool !== held.tool || plan.value.toolVersion !== held.toolVersion)
    return false;
  const shown = input.shownRequests.get(held.approvalId);
  return shown === undefined || canonicalText(shown) === canonicalText(held.argumentsJson);
}

function canonicalText(json: string): string {
  if (json.trim() === "") return "{}";
  try {
    const value: Json = JSON.parse(json);
    return canonicalJson(value);
  } catch {
    return json;
  }
}

/** What would be lost or left dangling by going on like this. */
function checkLeft(
  { turn, claimed }: OpenTurn,
  claims: readonly string[],
  contents: ReadonlyMap<string, Json>,
  added: readonly JsonObject[],
): GatewayError | null {
  const isOpen = (id: string, content: Json | null) =>
    content === null && !claims.includes(id) && !contents.has(id);
  const open = turn.calls.filter(({ id, content }) => isOpen(id, content));
  const asked = open.filter(({ id, held }) => held !== null && !claimed.has(id));
  const violations: Violation[] = [];
  if (asked.length > 0 && added.length > 0)
    violations.push({
      pointer: "/input",
      message: "Messages can be added once every approval request is answered.",
    });
  if (asked.length === 0)
    for (const { clientId } of open)
      if (clientId !== null)
        violations.push({
          pointer: "/input",
          message: `No tool output found for function call ${clientId}.`,
        });
  return violations.length === 0 ? null : { code: "validation_failed", violations };
}

function deniedContent(reason: string | null): string {
  const why = reason === null || reason === "" ? "" : ` Reason: ${reason}`;
  const message = `The user did not approve of this call; it was not made.${why}`;
  return JSON.stringify({ error: { code: "denied", message, status: "denied" } });
}

function invalid(message: string): Result<never, GatewayError> {
  return fail({ code: "validation_failed", violations: [{ pointer: "/input", message }] });
}
