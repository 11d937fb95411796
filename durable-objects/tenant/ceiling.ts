/**
 * Ceiling: the operator's limits over a tenant's own.
 *
 * A tenant's limit above the ceiling's of the same window is refused when the tenant asks for it, and cut when the
 * operator's ceiling comes first (a new tenant's preset). Limits of different windows are not comparable; every request
 * passes all of them anyway.
 */

import type { Violation } from "../../src/contract/error.ts";
import type { Limits, RequestLimit } from "../../src/contract/limits.ts";

/** Every value of `limits` above the ceiling, with its pointer below `prefix`. */
export function aboveCeiling(
  limits: Limits,
  ceiling: Limits,
  prefix: string,
): readonly Violation[] {
  const violations: Violation[] = [];
  for (const [index, own] of (limits.requests ?? []).entries()) {
    const pointer = `${prefix}/requests/${index}`;
    for (const above of sameWindow(ceiling, own)) {
      if (own.limit > above.limit) violations.push(tooHigh(`${pointer}/limit`, above.limit));
      if (own.burst !== undefined && own.burst > burstOf(above))
        violations.push(tooHigh(`${pointer}/burst`, burstOf(above)));
    }
  }
  const runs = ceiling.concurrent_runs ?? Infinity;
  if ((limits.concurrent_runs ?? 0) > runs) {
    violations.push(tooHigh(`${prefix}/concurrent_runs`, runs));
  }
  return violations;
}

/** The limits, each value cut to the ceiling's. */
export function cutToCeiling(limits: Limits, ceiling: Limits): Limits {
  const requests = limits.requests?.map((own) =>
    sameWindow(ceiling, own).reduce<RequestLimit>(
      (cut, above) => ({
        ...cut,
        limit: Math.min(cut.limit, above.limit),
        burst: Math.min(burstOf(cut), burstOf(above)),
      }),
      own,
    ),
  );
  const runs = [limits.concurrent_runs, ceiling.concurrent_runs].filter((n) => n !== undefined);
  return {
    ...(requests === undefined ? {} : { requests }),
    ...(runs.length === 0 ? {} : { concurrent_runs: Math.min(...runs) }),
  };
}

function sameWindow(ceiling: Limits, own: RequestLimit): readonly RequestLimit[] {
  return (ceiling.requests ?? []).filter((above) => above.window_s === own.window_s);
}

function burstOf(limit: RequestLimit): number {
  return limit.burst ?? limit.limit;
}

function tooHigh(pointer: string, most: number): Violation {
  return { pointer, message: `Must be at most ${most}, the operator's ceiling.` };
}
