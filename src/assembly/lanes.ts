/**
 * Lanes: where a run's tool calls get their connections.
 *
 * Up to five calls at once run in this invocation, on its own connections (one of the platform's six stays free for the
 * model and the cache). More than that fan out over `ToolShard` objects of five, at most 31 a run, which later turns
 * and later runs of this isolate reuse. A shard that is lost loses its calls: a read has failed, a write may have happened.
 */

import { MAX_PARALLEL_CALLS } from "../contract/policy.ts";
import type { CallOutcome } from "../contract/run.ts";
import type { Tool } from "../contract/tool.ts";
import type { Lane, LanePool, PlannedCall } from "../orchestration/ports.ts";
import { objectStub } from "../regions/jurisdiction.ts";
import type { ShardCall } from "./execute-shard-call.ts";
import { SLOTS_PER_INVOCATION } from "./connection-room.ts";
import { callExecutor } from "./place-result.ts";
import { lookAgain } from "./result-layers.ts";
import { giveShardName, takeShardName } from "./shard-names.ts";
import type { ToolContext } from "./tool-ports.ts";

/** Connections of one invocation. */
export const SLOTS_PER_LANE = SLOTS_PER_INVOCATION;

/** Shards one run may open: 32 invocations a request, less the one that opens them. */
export const MAX_SHARDS = MAX_PARALLEL_CALLS / SLOTS_PER_LANE;

/** Lanes of one run. The pool owns the shard sessions it opens; `close` drops them. */
export function lanePool(
  env: Env,
  context: ToolContext,
  tools: ReadonlyMap<string, Tool>,
  defer: (work: Promise<unknown>) => void,
): LanePool {
  const writes: Writes = { made: 0 };
  const isolate = isolateLane(env, context, tools, writes, defer);
  const shards: ShardLane[] = [];
  return {
    lanes(calls) {
      if (calls <= SLOTS_PER_LANE && shards.length === 0) return [isolate];
      const wanted = Math.min(MAX_SHARDS, Math.ceil(calls / SLOTS_PER_LANE));
      while (shards.length < wanted) {
        shards.push(shardLane(env, context, tools, writes));
      }
      return shards.slice(0, wanted);
    },
    close() {
      for (const shard of shards.splice(0)) shard.close();
    },
  };
}

/** Calls of the run that wrote, wherever: isolates that keep results have to look again for what was invalidated. */
interface Writes {
  made: number;
}

interface ShardLane extends Lane {
  close(): void;
}

function isolateLane(
  env: Env,
  context: ToolContext,
  tools: ReadonlyMap<string, Tool>,
  writes: Writes,
  defer: (work: Promise<unknown>) => void,
): Lane {
  const execute = callExecutor(env, context, tools, defer);
  return {
    slots: SLOTS_PER_LANE,
    async run(call, timeoutMs, signal, onProgress) {
      const outcome = await execute(call, timeoutMs, signal, onProgress);
      if (mayWrite(call)) writes.made += 1;
      return outcome;
    },
  };
}

function shardLane(
  env: Env,
  context: ToolContext,
  tools: ReadonlyMap<string, Tool>,
  writes: Writes,
): ShardLane {
  const name = takeShardName(context.residency);
  const stub = objectStub(env, env.TOOL_SHARD, context.residency, name);
  // Not awaited: calls are pipelined on the promise, so opening a shard costs no round trip of its own.
  const session = stub.open(context);
  const sent = new Set<string>();
  let writesTold = 0;
  const cancelled: string[] = [];
  /** Aborts that come together, as at a deadline, travel together. */
  function cancel(id: string): void {
    if (cancelled.push(id) > 1) return;
    queueMicrotask(() => {
      session.cancel(cancelled.splice(0)).catch(() => undefined);
    });
  }
  /** Dropping the stub aborts on the other side whatever still runs there. A shard that was lost is not used again. */
  async function drop(): Promise<void> {
    try {
      (await session)[Symbol.dispose]();
      giveShardName(context.residency, name);
    } catch {
      // It is gone already.
    }
  }
  return {
    slots: SLOTS_PER_LANE,
    async run(call, timeoutMs, signal, onProgress) {
      const tool = tools.get(call.tool);
      if (tool === undefined || signal.aborted) return notSent(call);
      const onAbort = () => cancel(call.id);
      signal.addEventListener("abort", onAbort, { once: true });
      const isKnown = sent.has(tool.name);
      sent.add(tool.name);
      try {
        const isAfterWrite = writes.made > writesTold;
        writesTold = writes.made;
        const task: ShardCall = {
          call,
          tool: isKnown ? null : tool,
          timeoutMs,
          ...(isAfterWrite && { isAfterWrite }),
        };
        // Only such tools say how far they are; a callback across objects is not free.
        const isTold = tool.definition.mcp !== undefined && onProgress !== undefined;
        return await (isTold ? session.run(task, onProgress) : session.run(task));
      } catch {
        return lost(call);
      } finally {
        signal.removeEventListener("abort", onAbort);
        if (mayWrite(call)) {
          writes.made += 1;
          lookAgain(context.tenantId);
        }
      }
    },
    close() {
      void drop();
    },
  };
}

/** The run ended before the call left this isolate. */
function notSent(call: PlannedCall): CallOutcome {
  const message = `The call of "${call.tool}" was cancelled before it was sent.`;
  return {
    status: "cancelled",
    error: { code: "cancelled", message },
    cache: "bypass",
    attempts: 0,
  };
}

function mayWrite({ effect }: PlannedCall): boolean {
  return effect === "write" || effect === "idempotent_write";
}

/** The shard is gone with the call's answer. */
function lost(call: PlannedCall): CallOutcome {
  return {
    status: mayWrite(call) ? "outcome_unknown" : "failed",
    error: {
      code: "internal",
      message: `The part of the gateway that ran "${call.tool}" was lost.`,
    },
    cache: "bypass",
    attempts: 1,
  };
}
