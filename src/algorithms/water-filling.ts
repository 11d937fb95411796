/**
 * Water-filling: shares a capacity among demands so that nobody gets more than it asks for and the smallest share of
 * those who get less than that is as large as it can be (max-min fairness).
 *
 * Source: Bertsekas and Gallager, Data Networks, 2nd ed., §6.5.2. Every share is min(demand, level) for one common
 * level; the units that whole numbers leave over go to the first of those cut, one each.
 */

/** Shares in the order of `demands`; whole numbers, their sum is min(capacity, sum of demands). Inputs: whole, not negative. */
export function waterFill(demands: readonly number[], capacity: number): readonly number[] {
  const ascending = demands.toSorted((a, b) => a - b);
  let left = capacity;
  let level = Number.POSITIVE_INFINITY;
  for (const [index, demand] of ascending.entries()) {
    const sharers = ascending.length - index;
    if (demand * sharers > left) {
      level = Math.floor(left / sharers);
      left -= level * sharers;
      break;
    }
    left -= demand;
  }
  if (level === Number.POSITIVE_INFINITY) return [...demands];
  return demands.map((demand) => {
    if (demand <= level) return demand;
    const extra = left > 0 ? 1 : 0;
    left -= extra;
    return level + extra;
  });
}
