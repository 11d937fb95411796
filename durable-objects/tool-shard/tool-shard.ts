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
import type { CallOutcome, CallProgress } from "../../src/contract/run.ts";
import { Abort } from "../../src/platform/abort.ts";

/** Runs calls for one caller; the caller owns it and must drop it when its run ends. */
export class ShardSession extends RpcTarget {
  readonly #execute: ShardRunner;
  readonly #running = new Map<string, Abort>();

  constructor(execute: ShardRunner) {
    super();
    this.#execute = execute;
  }

  /**
   * Runs one call to its end; a refused, failed or aborted call is an outcome, never a rejection. `tell` lives on the
   * caller's side and is told how far the call is, where its tool says so.
   */
  async run(
    task: ShardCall,
    tell?: (progress: CallProgress) => Promise<void> | void,
  ): Promise<CallOutcome> {
    const controller = new Abort();
    this.#running.set(task.call.id, controller);
    const onProgress = (progress: CallProgress): void => {
      // A caller that has gone wants to know nothing any more.
      void Promise.resolve(tell?.(progress)).catch(() => undefined);
    };
    try {
      return await this.#execute(task, controller.signal, onProgress);
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
