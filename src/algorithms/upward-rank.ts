/**
 * Upward rank: how much time still has to pass from the start of a task until everything that follows it is done.
 *
 *   u(i) = w(i) + max over j that need i of u(j)
 *
 * Starting the task with the highest rank first keeps the critical path moving; the highest rank of all is the length of
 * that path. Source: H. Topcuoglu, S. Hariri, M.-Y. Wu, "Performance-effective and low-complexity task scheduling for
 * heterogeneous computing" (HEFT), IEEE TPDS 13 (3), 2002, equation 5, without communication costs. O(tasks + needs).
 */

/** One task of a graph. */
export interface GraphTask {
  /** Unique. */
  readonly id: string;
  /** Ids of the tasks that must end before it starts; unknown ones do not count. */
  readonly needs: readonly string[];
}

/** A task with a weight. */
export interface RankedTask extends GraphTask {
  /** Time it takes, at least 0. */
  readonly weight: number;
}

/** The rank of every task. Tasks in a cycle, and those before one, count what follows them outside the cycle only. */
export function upwardRanks(tasks: readonly RankedTask[]): Map<string, number> {
  return foldUpward(
    tasks,
    ({ weight }) => weight,
    ({ weight }, rank) => weight + rank,
  );
}

/**
 * A value of every task that also holds for what it needs: the largest of its own and of what `extend` makes of the
 * value of each task that needs it. Cycles as above.
 */
export function foldUpward<Task extends GraphTask>(
  tasks: readonly Task[],
  own: (task: Task) => number,
  extend: (task: Task, follower: number) => number,
): Map<string, number> {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const values = new Map(tasks.map((task) => [task.id, own(task)]));
  const followers = new Map<string, number>();
  for (const task of tasks) {
    for (const need of task.needs) followers.set(need, (followers.get(need) ?? 0) + 1);
  }
  // Backwards in topological order (Kahn): a task's value is final once all its followers are done.
  const done = tasks.filter(({ id }) => !followers.has(id));
  for (const task of done) {
    const value = values.get(task.id) ?? 0;
    for (const id of task.needs) {
      const need = byId.get(id);
      if (need === undefined) continue;
      values.set(id, Math.max(values.get(id) ?? 0, extend(need, value)));
      const left = (followers.get(id) ?? 0) - 1;
      followers.set(id, left);
      if (left === 0) done.push(need);
    }
  }
  return values;
}
