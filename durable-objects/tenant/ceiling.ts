/**
 * Ceiling: the operator's limits over a tenant's own.
 *
 * A tenant's limit above the ceiling's of the same window is refused when the tenant asks for it, and cut when the
 * operator's ceiling comes first (a new tenant's preset). Limits of different windows are not comparable; every request
 * passes all of them anyway.
 */

import type { Violation } from "../../src/contract/error.ts";
import type { Limits, RequestLimit } from "../../src/contract/limits.ts";

const WINDOWED = ["requests", "calls", "tokens", "money_usd"] as const;
const CONCURRENT = ["concurrent_runs", "concurrent_calls"] as const;
const NAMED = ["upstreams", "tools", "groups", "keys", "subjects"] as const;

type Windowed = (typeof WINDOWED)[number];

/** Every value of `limits` above the ceiling, with its pointer below `prefix`. */
export function aboveCeiling(
  limits: Limits,
  ceiling: Limits,
  prefix: string,
): readonly Violation[] {
  const violations: Violation[] = [];
  for (const kind of WINDOWED) {
    for (const [index, own] of (limits[kind] ?? []).entries()) {
      const pointer = `${prefix}/${kind}/${index}`;
      for (const above of sameWindow(ceiling, kind, own)) {
        if (own.limit > above.limit) violations.push(tooHigh(`${pointer}/limit`, above.limit));
        if (own.burst !== undefined && own.burst > burstOf(above))
          violations.push(tooHigh(`${pointer}/burst`, burstOf(above)));
      }
    }
  }
  for (const kind of CONCURRENT) {
    const most = ceiling[kind] ?? Infinity;
    if ((limits[kind] ?? 0) > most) violations.push(tooHigh(`${prefix}/${kind}`, most));
  }
  for (const kind of NAMED) {
    for (const [name, own] of Object.entries(limits[kind] ?? {})) {
      const above = ceiling[kind]?.[name] ?? ceiling[kind]?.["*"];
      if (above?.window_s !== own.window_s || own.limit <= above.limit) continue;
      violations.push(tooHigh(`${prefix}/${kind}/${escapeToken(name)}/limit`, above.limit));
    }
  }
  return violations;
}

/** The limits, each value cut to the ceiling's. */
export function cutToCeiling(limits: Limits, ceiling: Limits): Limits {
  const cut: Limits = { ...limits };
  for (const kind of WINDOWED) {
    const own = limits[kind];
    if (own !== undefined) cut[kind] = own.map((one) => cutOne(ceiling, kind, one));
  }
  for (const kind of CONCURRENT) {
    const values = [limits[kind], ceiling[kind]].filter((n) => n !== undefined);
    if (values.length > 0) cut[kind] = Math.min(...values);
  }
  return cut;
}

function cutOne(ceiling: Limits, kind: Windowed, own: RequestLimit): RequestLimit {
  return sameWindow(ceiling, kind, own).reduce<RequestLimit>((cut, above) => {
    const limit = Math.min(cut.limit, above.limit);
    if (cut.strict === true) return { ...cut, limit };
    return { ...cut, limit, burst: Math.min(burstOf(cut), burstOf(above)) };
  }, own);
}

/** Limits of the ceiling that refuse something in the same window. */
function sameWindow(ceiling: Limits, kind: Windowed, own: RequestLimit): readonly RequestLimit[] {
  return (ceiling[kind] ?? []).filter(
    (above) => above.window_s === own.window_s && above.shadow !== true,
  );
}

/** RFC 6901. */
function escapeToken(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

function burstOf(limit: RequestLimit): number {
  return limit.burst ?? limit.limit;
}

function tooHigh(pointer: string, most: number): Violation {
  return { pointer, message: `Must be at most ${most}, the operator's ceiling.` };
}
