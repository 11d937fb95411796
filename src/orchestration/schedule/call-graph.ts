/**
 * Who needs whom: in-degree counters of a run's calls, so that a call that ends tells exactly those that waited for it.
 *
 * A call may be added before the ones it needs. Cycles are refused where calls are planned; one that gets here all the
 * same makes calls that never become ready, which the run ends when nothing else is left to do.
 */

import { foldUpward, upwardRanks } from "../../algorithms/upward-rank.ts";
import type { PlannedCall } from "../../contract/planned-call.ts";
import { hasResult, type CallResult } from "../../contract/run.ts";

/** One call of the graph. */
export interface GraphCall {
  readonly call: PlannedCall;
  /** Calls it needs that have not succeeded yet; the graph counts. */
  missing: number;
  /** Expected time of the call itself, ms. */
  readonly weightMs: number;
  /** Expected time from its start until all that needs it is done, ms. */
  rank: number;
  /** The highest of its own and of those that need it. */
  priority: number;
  result: CallResult | null;
  waiter: PromiseWithResolvers<CallResult> | null;
}

/** The calls of a run by id, with their needs. */
export class CallGraph<Entry extends GraphCall> {
  readonly #entries = new Map<string, Entry>();
  readonly #followers = new Map<string, Set<Entry>>();
  readonly #results = new Map<string, CallResult>();

  /** The calls that have not ended, in the order they were added: a snapshot. */
  open(): readonly Entry[] {
    return [...this.#entries.values()].filter(({ result }) => result === null);
  }

  /** All results so far of calls that are no part of another, in the order the calls were added. */
  resultsInOrder(): readonly CallResult[] {
    return [...this.#entries.values()].flatMap(({ call, result }) =>
      result === null || call.partOf !== undefined ? [] : [result],
    );
  }

  /** How many calls there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** Results so far, by call id. */
  get results(): ReadonlyMap<string, CallResult> {
    return this.#results;
  }

  /** The call, if it was added. */
  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** Adds a call; throws when its id is taken, which is a bug of whoever made the id. */
  add(entry: Entry): void {
    const { id } = entry.call;
    if (this.#entries.has(id)) throw new Error(`There are two calls "${id}" in one run.`);
    this.#entries.set(id, entry);
  }

  /** Counts what an added call still has to wait for. Returns a need that has ended without success, or null. */
  link(entry: Entry): string | null {
    const { needs } = entry.call;
    if (needs === undefined || needs.length === 0) return null;
    for (const need of new Set(needs)) {
      const result = this.#results.get(need);
      if (result !== undefined && !isUsable(result)) return need;
      if (result !== undefined) continue;
      entry.missing += 1;
      const followers = this.#followers.get(need);
      if (followers === undefined) this.#followers.set(need, new Set([entry]));
      else followers.add(entry);
    }
    return null;
  }

  /** True when the call needs others or others wait for it. */
  isLinked({ id, needs }: PlannedCall): boolean {
    return (needs !== undefined && needs.length > 0) || this.#followers.has(id);
  }

  /** Notes the result of a call. */
  end(entry: Entry, result: CallResult): void {
    entry.result = result;
    this.#results.set(entry.call.id, result);
  }

  /**
   * Opens the cancelled calls of a branch again, and every call that was skipped because of one of them; in the order
   * they were added. What they have to wait for is counted again by `link`.
   */
  revive(branch: string): readonly Entry[] {
    const revived = new Set<string>();
    for (let known = -1; known < revived.size;) {
      known = revived.size;
      for (const { call, result } of this.#entries.values()) {
        const isCancelled = call.branch === branch && result?.status === "cancelled";
        const isOrphan =
          result?.status === "skipped" && call.needs?.some((need) => revived.has(need)) === true;
        if (isCancelled || isOrphan) revived.add(call.id);
      }
    }
    const entries = [...this.#entries.values()].filter(({ call }) => revived.has(call.id));
    for (const entry of entries) {
      entry.result = null;
      entry.waiter = null;
      entry.missing = 0;
      this.#results.delete(entry.call.id);
    }
    return entries;
  }

  /** Hands out the calls that waited for `id`, once. */
  takeFollowers(id: string): readonly Entry[] {
    const followers = this.#followers.get(id);
    this.#followers.delete(id);
    return followers === undefined ? [] : [...followers];
  }

  /** A need of the call that has no result, or null. */
  unmetNeed({ call }: Entry): string | null {
    return call.needs?.find((need) => !this.#results.has(need)) ?? null;
  }

  /** Sets rank and priority of every call that has not ended. */
  rank(): void {
    const open = this.open();
    const tasks = open.map(({ call, weightMs }) => ({
      id: call.id,
      weight: weightMs,
      needs: call.needs ?? [],
      priority: call.priority ?? 0,
    }));
    const ranks = upwardRanks(tasks);
    const priorities = foldUpward(
      tasks,
      ({ priority }) => priority,
      (_task, follower) => follower,
    );
    for (const entry of open) {
      entry.rank = ranks.get(entry.call.id) ?? entry.rank;
      entry.priority = priorities.get(entry.call.id) ?? entry.priority;
    }
  }
}

/** True when other calls may be built on this result. */
export function isUsable(result: CallResult): boolean {
  return hasResult(result);
}
