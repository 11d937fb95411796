/**
 * Goes on with a held turn: makes the calls somebody said yes to, and says whether the turn is whole now.
 *
 * Each call is claimed before it is made, so of two clients that say yes at once only one makes it; what was made before
 * is not made again. A run that is lost in between leaves its calls claimed: they are never made a second time.
 */

import type { ChatEvent } from "../../contract/chat.ts";
import type { GatewayError } from "../../contract/error.ts";
import type { HeldTurn } from "../../contract/gateway-call.ts";
import type { Json } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { ChatAnswer } from "../chat-answer.ts";
import { executeGatewayCalls, type GatewayCalls } from "../chat-tools.ts";
import { TurnCalls } from "../early-start/turn-calls.ts";
import { TurnPlanner } from "../plan/plan-turn.ts";
import type { ChatPorts } from "../ports.ts";
import { approvedTools } from "./marked-tools.ts";
import type { Resumption } from "./plan-resume.ts";
import type { ResponsePorts, ResponseRun } from "./ports.ts";

/** A held turn after a response has worked on it. */
export interface ResumedTurn {
  /** As it is now; calls that are still open have no content. */
  readonly turn: HeldTurn;
  readonly isWhole: boolean;
  readonly executed: GatewayCalls;
}

type Ports = Omit<ResponsePorts, "emit"> & Pick<ChatPorts, "emit">;

/** Makes the granted calls and keeps every result. Claiming must have succeeded. */
export async function resumeTurn(
  resumption: Resumption,
  run: Pick<ResponseRun, "bounds" | "request">,
  startedAtMs: number,
  ports: Ports,
  signal: AbortSignal,
): Promise<Result<ResumedTurn, GatewayError>> {
  const { bounds, request } = run;
  const approvals = new Map(resumption.granted.map(({ id, approvalId }) => [id, approvalId]));
  const emit = (event: ChatEvent) => ports.emit(withApproval(event, approvals));
  const tools = approvedTools(ports.tools, new Set(approvals.keys()));
  // Nothing of it is still being written, so nothing starts early.
  const running = new TurnCalls(
    0,
    {
      mode: request.parallel_tool_calls === false ? "sequential" : "parallel",
      maxParallel: bounds.maxParallel,
      ...(bounds.caps !== undefined && { caps: bounds.caps }),
      startedAtMs,
      deadlineAtMs: startedAtMs + bounds.deadlineMs,
    },
    { ...ports, plan: () => null },
    signal,
  );
  let executed: GatewayCalls;
  try {
    executed = await executeGatewayCalls(resumption.granted, {
      ports: { ...ports, tools },
      running,
      plans: new TurnPlanner(tools),
      answer: new ChatAnswer(emit, signal, true),
      callsLeft: bounds.maxCalls,
      elapsedMs: ports.clock.now() - startedAtMs,
    });
  } finally {
    await running.close();
  }
  const contents = new Map<string, Json>([...resumption.contents, ...executed.contents]);
  const settled = await ports.approvals.settle(resumption.turnId, contents);
  if (settled === null) return fail({ code: "approval_refused", reason: "unknown or expired" });
  const { turn } = settled;
  const isWhole = turn.calls.every(({ content }) => content !== null);
  return ok({ turn, isWhole, executed });
}

/** Takes the calls this response was told to make; a failure when somebody else was first. */
export async function claimCalls(
  { turnId, claims }: Resumption,
  { approvals }: Pick<ResponsePorts, "approvals">,
): Promise<GatewayError | null> {
  const isOurs = claims.length === 0 || (await approvals.claim(turnId, claims));
  return isOurs ? null : { code: "approval_refused", reason: "already used" };
}

function withApproval(event: ChatEvent, approvals: ReadonlyMap<string, string>): ChatEvent {
  const approvalId = event.type === "gateway_call" ? approvals.get(event.id) : undefined;
  return event.type === "gateway_call" && approvalId !== undefined
    ? { ...event, approvalId }
    : event;
}
