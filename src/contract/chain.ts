/**
 * Chains: a declared plan offered as one tool. Its steps are calls of the same run; `orchestration/chains` says what
 * each construct does.
 */

import * as z from "zod/mini";

import { AnyObject, ToolName, wholeNumber } from "./names.ts";

/** Steps of one chain. */
export const MAX_CHAIN_STEPS = 64;

/** Items one `map` or `reduce` may go through. */
export const MAX_CHAIN_ITEMS = 1_000;

/** Rounds of one loop. */
export const MAX_CHAIN_ROUNDS = 100;

/**
 * A place in what is known inside a chain: `step#/json/pointer`, `step#` for the whole. Besides the steps there are
 * `input` (the chain's arguments), in a `map` or `reduce` `item` and `index`, in a `reduce` `acc`, in a `loop` `last`
 * (what the round before gave, null in the first) and `index`. In arguments there are `$tmpl` and `$literal` as well.
 */
export const Reference = z.strictObject({
  $ref: z.string().check(z.maxLength(1_100), z.regex(/^[A-Za-z0-9_-]{1,32}#(\/.*)?$/s)),
});

/** A place in what is known inside a chain. */
export type Reference = z.infer<typeof Reference>;

/** Compares two values, each a literal or a reference. */
export const Comparison = z.strictObject({
  left: z.json(),
  op: z.enum(["==", "!=", "<", "<=", ">", ">="]),
  right: z.json(),
});
/** Compares two values. */
export type Comparison = z.infer<typeof Comparison>;

/** True or false: a comparison, or a reference that is true unless it is `null`, `false`, `0`, `""` or `[]`. */
export const Condition = z.union([Reference, Comparison]);
/** True or false. */
export type Condition = z.infer<typeof Condition>;

/** What a step that failed does to its chain: ends it, leaves the step out, or gives the step this result. */
export const FailurePolicy = z.union([
  z.enum(["fail", "skip"]),
  z.strictObject({ default: z.json() }),
]);
/** What a step that failed does to its chain. */
export type FailurePolicy = z.infer<typeof FailurePolicy>;

/** One step: a call, or several of one tool by at most one of `map`, `reduce` and `loop`. */
export const ChainStep = z.strictObject({
  /** Unique in the chain; the step's result is referred to by it. */
  id: z.string().check(z.regex(/^[A-Za-z0-9_-]{1,32}$/)),
  /** Left out only with `reduce`, which names its own. */
  tool: z.optional(ToolName),
  arguments: z._default(AnyObject, {}),
  /** Steps this one waits for although it does not refer to them. */
  after: z.optional(z.array(z.string().check(z.maxLength(32))).check(z.maxLength(MAX_CHAIN_STEPS))),
  /** The step is skipped when this is false. */
  when: z.optional(Condition),
  /** Calls the tool once for each item; the result is the list of results in the items' order. */
  map: z.optional(
    z.strictObject({
      over: Reference,
      max_parallel: z._default(wholeNumber(1, 100), 10),
      /** A longer list fails the step before its first call. */
      limit: z._default(wholeNumber(1, MAX_CHAIN_ITEMS), MAX_CHAIN_ITEMS),
    }),
  ),
  /** Calls the tool item by item, each time with the result so far; the last result is the step's. */
  reduce: z.optional(
    z.strictObject({
      over: Reference,
      tool: ToolName,
      /** `acc` of the first call; without it the first item is. */
      initial: z.optional(z.json()),
    }),
  ),
  /** Calls the tool again until the comparison holds; the last result is the step's. */
  loop: z.optional(
    z.strictObject({ until: Comparison, max: z._default(wholeNumber(1, MAX_CHAIN_ROUNDS), 10) }),
  ),
  /** Attempts of each call; only `pure` and `read` tools are called again. */
  retry: z.optional(z.strictObject({ max_attempts: wholeNumber(1, 10) })),
  /** Of each call, where it is less than the tool's own. */
  timeout_ms: z.optional(wholeNumber(10, 300_000)),
  on_failure: z._default(FailurePolicy, "fail"),
});
/** One step as stored: defaults filled in. */
export type ChainStep = z.infer<typeof ChainStep>;

/** A plan offered as one tool. */
export const Chain = z.strictObject({
  calls: z.array(ChainStep).check(z.minLength(1), z.maxLength(MAX_CHAIN_STEPS)),
  /** The chain's result. */
  output: Reference,
});
/** A plan offered as one tool. */
export type Chain = z.infer<typeof Chain>;
