/** Opens the calls of a run's next model turn, with what the run's bounds and the client's request say about them. */

import type { JsonObject } from "../../platform/canonical-json.ts";
import type { ChatPorts, ChatRun } from "../ports.ts";
import { Speculator } from "../speculation/speculator.ts";
import { turnBody } from "../turn-body.ts";
import { TurnCalls } from "./turn-calls.ts";

/** Where a run stands as its next turn begins. */
export interface TurnStart {
  readonly startedAtMs: number;
  /** Model answers so far. */
  readonly turns: number;
  /** Gateway calls so far. */
  readonly calls: number;
  /** What the model will be asked with; guesses are made from it. */
  readonly messages: readonly JsonObject[];
}

/**
 * The calls of the next turn; the caller owns them. Nothing is started early in a turn whose results no model would read.
 * Where the tenant wants it, the calls the model will probably make are started at once.
 */
export function openTurn(
  run: ChatRun,
  ports: ChatPorts,
  { startedAtMs, turns, calls, messages }: TurnStart,
  signal: AbortSignal,
): TurnCalls {
  const { bounds, request } = run;
  const isLast = turns + 1 >= bounds.maxTurns;
  const mostCalls = bounds.earlyStart && !isLast ? bounds.maxCalls - calls : 0;
  const openedAtMs = ports.clock.now();
  const speculator =
    ports.speculation === undefined ? null : new Speculator(ports.speculation, ports);
  const turn = new TurnCalls(
    mostCalls,
    {
      mode: request.parallel_tool_calls === false ? "sequential" : "parallel",
      maxParallel: bounds.maxParallel,
      ...(bounds.caps !== undefined && { caps: bounds.caps }),
      keepsLate: true,
      startedAtMs,
      deadlineAtMs: startedAtMs + bounds.deadlineMs,
    },
    {
      ...ports,
      ...(speculator !== null && { guessing: speculator }),
      plan: (id, name, argumentsJson) => {
        const planned = ports.tools.plan(id, name, argumentsJson, true);
        return planned.ok ? planned.value : null;
      },
      made: (made) => {
        const { count, firstOpenedAtMs } = turn;
        const runwayMs = firstOpenedAtMs === null ? null : firstOpenedAtMs - openedAtMs;
        speculator?.learn(messages, made, { hits: count.hits, runwayMs });
      },
    },
    signal,
  );
  const body = () => turnBody(run, ports.tools, messages, turns + 1);
  if (mostCalls > 0) speculator?.begin(messages, body, turn, signal);
  return turn;
}
