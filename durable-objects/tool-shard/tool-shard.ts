/**
 * ToolShard: up to five tool calls of one run, on this object's own connections.
 *
 * An invocation may have six requests waiting for headers, and Workers it calls share them; objects do not. So a run
 * that wants more than five calls at once spreads them over several. A shard belongs to one run at a time and keeps
 * nothing: the caller opens a session, runs calls through it and drops it. Cancellation does not cross object RPC by itself, so the session
 * has `cancel()`, and dropping the session (also by dying) aborts whatever it still runs.
 */

import { DurableObject, RpcTarget } from "cloudflare:workers";

import {
  shardRunner,
  type ShardCall,
  type ShardRunner,
  type ToolContext,
} from "../../src/assembly/execute-shard-call.ts";
import type { CallOutcome } from "../../src/contract/run.ts";

/** Runs calls for one caller; the caller owns it and must drop it when its run ends. */
export class ShardSession extends RpcTarget {
  readonly #execute: ShardRunner;
  readonly #running = new Map<string, AbortController>();

  constructor(execute: ShardRunner) {
    super();
    this.#execute = execute;
  }

  /** Runs one call to its end; a refused, failed or aborted call is an outcome, never a rejection. */
  async run(task: ShardCall): Promise<CallOutcome> {
    const controller = new AbortController();
    this.#running.set(task.call.id, controller);
    try {
      return await this.#execute(task, controller.signal);
    } finally {
      this.#running.delete(task.call.id);
    }
  }

  /** Aborts calls; their `run` then answers with what became of them. Unknown ids are ignored: those calls have ended. */
  cancel(callIds: readonly string[]): void {
    for (const id of callIds) this.#running.get(id)?.abort();
  }

  /** The caller dropped the session or died: nobody waits for these calls any more. */
  [Symbol.dispose](): void {
    for (const controller of this.#running.values()) controller.abort();
  }
}

export class ToolShard extends DurableObject<Env> {
  /** Opens a session for one run; `context` holds sealed secrets only, opened here when a request is built. */
  open(context: ToolContext): ShardSession {
    return new ShardSession(shardRunner(this.env, context, (work) => this.ctx.waitUntil(work)));
  }
}
