/**
 * An order in which everything comes after what it needs, and the cycles that make one impossible.
 *
 * Order: A. B. Kahn, "Topological sorting of large networks", CACM 5(11), 1962; among those that are ready the one
 * that was given first comes first, so the order depends on the input alone. Cycles: breadth-first search back to the
 * start, which finds a shortest one, for each node that was left over. Time is O(n·e) at worst, for a few hundred nodes.
 */

/** What `dependencyOrder` found. */
export interface DependencyOrder {
  /** Every node that neither lies on a cycle nor waits for one, after all it needs. */
  readonly order: readonly number[];
  /** For each node on a cycle a shortest cycle through it, beginning with it; each needs the next, the last the first. */
  readonly cycles: ReadonlyMap<number, readonly number[]>;
}

/** Orders the nodes `0 … needs.length - 1`; `needs[i]` are the nodes that `i` needs, itself perhaps among them. */
export function dependencyOrder(needs: readonly ReadonlySet<number>[]): DependencyOrder {
  const open = needs.map((needed) => needed.size);
  const dependants = needs.map((): number[] => []);
  for (const [node, needed] of needs.entries()) {
    for (const other of needed) dependants[other]?.push(node);
  }
  const order: number[] = [];
  const ready = needs.flatMap((needed, node) => (needed.size === 0 ? [node] : []));
  while (ready.length > 0) {
    const node = takeLeast(ready);
    order.push(node);
    for (const dependant of dependants[node] ?? []) {
      const left = (open[dependant] ?? 0) - 1;
      open[dependant] = left;
      if (left === 0) ready.push(dependant);
    }
  }
  const done = new Set(order);
  const cycles = new Map<number, readonly number[]>();
  for (const node of needs.keys()) {
    const cycle = done.has(node) ? null : shortestCycle(needs, node);
    if (cycle !== null) cycles.set(node, cycle);
  }
  return { order, cycles };
}

function takeLeast(ready: number[]): number {
  const least = ready.reduce((best, node) => Math.min(best, node), Infinity);
  ready.splice(ready.indexOf(least), 1);
  return least;
}

function shortestCycle(
  needs: readonly ReadonlySet<number>[],
  start: number,
): readonly number[] | null {
  const reachedFrom = new Map<number, number>();
  const queue = [start];
  for (const node of queue) {
    for (const next of needs[node] ?? []) {
      if (next === start) return pathTo(node, reachedFrom);
      if (reachedFrom.has(next)) continue;
      reachedFrom.set(next, node);
      queue.push(next);
    }
  }
  return null;
}

function pathTo(end: number, reachedFrom: ReadonlyMap<number, number>): readonly number[] {
  const path: number[] = [];
  for (let node: number | undefined = end; node !== undefined; node = reachedFrom.get(node)) {
    path.unshift(node);
  }
  return path;
}
