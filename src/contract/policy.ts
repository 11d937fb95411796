/**
 * Policy: everything a tenant may tune, one strict, versioned document. Each field changes behaviour today; a field
 * arrives together with the code that obeys it.
 */

import * as z from "zod/mini";

import { Backpressure } from "./backpressure.ts";
import { PolicyLimits } from "./limits.ts";
import { GroupName, LocaleSetting, wholeNumber } from "./names.ts";
import { ResiliencePolicy } from "./resilience-policy.ts";

/** Presets of this document; each contains the one before. */
export const Profile = z.enum(["simple", "robust", "optimized", "autonomous"]);
/** Name of a preset. */
export type Profile = z.infer<typeof Profile>;

/** Calls one run can have in flight: 31 shards of five connections. */
export const MAX_PARALLEL_CALLS = 155;

/** Names in one list of caps. */
const MAX_CAPS = 100;

/** By name: calls in flight at once in one run. */
function capsBy(name: z.ZodMiniType<string, string>) {
  return z
    .record(name, wholeNumber(1, 1000))
    .check(z.refine((caps) => Object.keys(caps).length <= MAX_CAPS, `At most ${MAX_CAPS} caps.`));
}

/** Caps on calls in flight at once in one run, beside `max_parallel` of the run and of each tool. */
export const RunCaps = z.strictObject({
  /** By tag of the tool. */
  tags: capsBy(GroupName),
  /** By host the tool calls, with the port where the URL has one. */
  hosts: capsBy(z.string().check(z.regex(/^[a-z0-9.:[\]-]{1,261}$/))),
  /** By `rate_limit_group` of the tool. */
  groups: capsBy(GroupName),
});
/** Caps on calls in flight at once in one run. */
export type RunCaps = z.infer<typeof RunCaps>;

/**
 * Whether models are offered references between calls: `on`, `off`, or `auto`, which offers them to models that use them
 * well.
 */
export const ReferencePolicy = z.enum(["auto", "on", "off"]);
/** Whether models are offered references between calls. */
export type ReferencePolicy = z.infer<typeof ReferencePolicy>;

/** Calls started before the model asks for them, because it will probably make them. Only tools that read and are not observable. */
export const SpeculationPolicy = z.strictObject({
  enabled: z.boolean(),
  /** Wrong guesses allowed, as a share of the calls models make. */
  budget: z.number().check(z.gte(0), z.lte(1)),
  /** Least probability of a guess. */
  confidence_threshold: z.number().check(z.gte(0.05), z.lte(1)),
  /** A small, fast model that is asked the same as the real one, to guess what that will call. Absent: none is. */
  model: z.optional(z.string().check(z.minLength(1), z.maxLength(128))),
});

/** Bounds of one run. */
export const RunPolicy = z.strictObject({
  /** Model answers in one chat completion. */
  max_turns: wholeNumber(1, 64),
  /** Tool calls in one run. */
  max_calls: wholeNumber(1, 256),
  /** Calls in flight at once. */
  max_parallel: wholeNumber(1, MAX_PARALLEL_CALLS),
  /** Wall time of a whole run. */
  deadline_ms: wholeNumber(100, 300_000),
  /** A comment is written when a stream was silent for this long. */
  heartbeat_ms: wholeNumber(50, 60_000),
  /** Starts `pure` and `read` calls while the model is still writing its turn. */
  early_start: z.boolean(),
  speculation: SpeculationPolicy,
  /** Wall time of one model answer. */
  model_timeout_ms: wholeNumber(100, 300_000),
  caps: RunCaps,
  /** Whether the model may let calls of one turn use each other's results. */
  references: ReferencePolicy,
  /** With more tools than this a model is offered `tool_search`, and of the tools those it has found. */
  tool_search_above: wholeNumber(1, 1000),
});

/** What becomes of results that are too long for where they are wanted. */
const ResultPolicy = z.strictObject({
  /** Estimated tokens that all results of one model turn may take together. */
  max_tokens_per_turn: wholeNumber(256, 1_000_000),
  /** How long the full value of a result that was cut can be read under its handle. */
  keep_s: wholeNumber(1, 2_592_000),
});

/** A tenant's policy, complete: defaults are written out when the tenant is made. */
export const Policy = z.strictObject({
  profile: Profile,
  limits: PolicyLimits,
  runs: RunPolicy,
  /** Absent in a snapshot of an object that is one release behind. */
  backpressure: z.optional(Backpressure),
  resilience: ResiliencePolicy,
  cache: z.strictObject({ enabled: z.boolean() }),
  results: ResultPolicy,
  locale: LocaleSetting,
});
/** A tenant's policy. */
export type Policy = z.infer<typeof Policy>;

/** One entry of the policy's history. */
export interface PolicyVersion {
  readonly version: number;
  readonly policy: Policy;
  /** Key id of who changed it, or "operator". */
  readonly author: string;
  /** ISO 8601, UTC. */
  readonly created_at: string;
}

/** The body of `POST /v1/policy/rollback`: an earlier version, whose content becomes the newest one. */
export const PolicyRollback = z.strictObject({ version: wholeNumber(1, 1_000_000_000) });
