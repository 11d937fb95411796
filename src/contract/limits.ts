/**
 * Limits of a tenant or a key. The same shape serves as the operator's ceiling, the tenant's own policy and a key's
 * limits; a request must pass all of them.
 */

import * as z from "zod/mini";

import { GroupName, ResourceName, ToolName, wholeNumber } from "./names.ts";

/** Windows in one list, and names in one record of limits. */
const MAX_WINDOWS = 4;
const MAX_NAMED = 100;

const common = {
  window_s: wholeNumber(1, 86_400),
  /** At most `limit` in every window, wherever it begins: the burst follows from that. */
  strict: z.optional(z.boolean()),
  /** Counts, and refuses nothing. */
  shadow: z.optional(z.boolean()),
};

/** At most `limit` a window on average, with bursts of up to `burst` (default: `limit`). */
export const RequestLimit = z
  .strictObject({
    limit: wholeNumber(1, 1_000_000_000),
    ...common,
    burst: z.optional(wholeNumber(1, 1_000_000_000)),
  })
  .check(z.refine(isConsistent, { path: ["burst"], message: "A strict limit has no burst." }));
/** One rate limit: `limit` requests, calls or tokens every `window_s` seconds. */
export type RequestLimit = z.infer<typeof RequestLimit>;

/** A limit of what models cost, in US dollars. */
export const MoneyLimit = z
  .strictObject({
    limit: z.number().check(z.gte(0.000_001), z.lte(1_000_000)),
    ...common,
    burst: z.optional(z.number().check(z.gte(0.000_001), z.lte(1_000_000))),
  })
  .check(z.refine(isConsistent, { path: ["burst"], message: "A strict limit has no burst." }));
/** A limit of what models cost. */
export type MoneyLimit = z.infer<typeof MoneyLimit>;

/** A limit of one named thing; its burst is its limit. */
const NamedLimit = z.strictObject({
  limit: wholeNumber(1, 1_000_000_000),
  window_s: wholeNumber(1, 86_400),
});

function byName(name: z.ZodMiniType<string, string>) {
  return z
    .record(name, NamedLimit)
    .check(
      z.refine((named) => Object.keys(named).length <= MAX_NAMED, `At most ${MAX_NAMED} names.`),
    );
}

/** Ids of keys and of subjects, or `*` for each. */
const IdOrEach = z.string().check(z.regex(/^(\*|[A-Za-z0-9_.:@-]{1,128})$/));

function windows<T extends z.core.$ZodType>(limit: T) {
  return z.optional(z.array(limit).check(z.maxLength(MAX_WINDOWS)));
}

/** Rate limits (at most four windows of a kind) and how much may go on at once. Absent means: not limited here. */
export const Limits = z.strictObject({
  requests: windows(RequestLimit),
  /** Calls of tools. */
  calls: windows(RequestLimit),
  /** Tokens of models, in and out: reserved before a turn, settled after it. */
  tokens: windows(RequestLimit),
  /** What models cost, by the prices of their upstream. */
  money_usd: windows(MoneyLimit),
  concurrent_runs: z.optional(wholeNumber(1, 100_000)),
  concurrent_calls: z.optional(wholeNumber(1, 100_000)),
  /** Model turns, by upstream. */
  upstreams: z.optional(byName(ResourceName)),
  /** Calls, by tool. */
  tools: z.optional(byName(ToolName)),
  /** Calls, by `rate_limit_group` of the tool. */
  groups: z.optional(byName(GroupName)),
  /** Requests, by id of the API key; `*`: of each one. */
  keys: z.optional(byName(IdOrEach)),
  /** Requests, by the subject that `x-gw-subject` names; `*`: of each one. */
  subjects: z.optional(byName(IdOrEach)),
});
/** Limits of one level: operator's ceiling, tenant or key. */
export type Limits = z.infer<typeof Limits>;

/**
 * What passes while the gate that decides cannot be reached: what this isolate was last lent, and on at that rate (`safe_share`),
 * everything that the operator's ceiling does not limit (`open`), or only what was lent before (`closed`).
 */
export const WhenUnreachable = z.enum(["safe_share", "open", "closed"]);
/** What passes while the gate cannot be reached. */
export type WhenUnreachable = z.infer<typeof WhenUnreachable>;

/** The limits of a tenant's policy. */
export const PolicyLimits = z.extend(Limits, {
  /** Absent in a policy of before; then it is `safe_share`. */
  when_unreachable: z.optional(WhenUnreachable),
});

function isConsistent(limit: {
  strict?: boolean | undefined;
  burst?: number | undefined;
}): boolean {
  return limit.strict !== true || limit.burst === undefined;
}
