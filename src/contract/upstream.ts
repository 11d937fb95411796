/** Upstreams: the model providers of a tenant. */

import * as z from "zod/mini";

import { haveDistinctIds, MAX_TARGETS, Strategy, TARGET_FIELDS } from "./balance.ts";
import { ResourceName, wholeNumber } from "./names.ts";

/** The protocol a model provider speaks. */
const UpstreamKind = z.enum(["openai", "openai_responses", "anthropic", "workers_ai"]);

/** US dollars for a million tokens. */
const ModelPrice = z.strictObject({
  input_per_mtok: usd(),
  /** Input the provider had cached; as `input_per_mtok` when absent. */
  cached_input_per_mtok: z.optional(usd()),
  output_per_mtok: usd(),
});
/** US dollars for a million tokens of a model. */
export type ModelPrice = z.infer<typeof ModelPrice>;

function usd() {
  return z.number().check(z.gte(0), z.lte(10_000));
}

/** One endpoint of an upstream. */
export const Target = z.strictObject({
  id: ResourceName,
  /** Base URL of the provider's API up to its version, such as `https://api.openai.com/v1`. */
  base_url: z.string().check(z.minLength(1), z.maxLength(2048)),
  /** `{{secret.name}}`; the secret must be bound to this URL's host. Absent: no key is sent. */
  api_key: z.optional(z.string().check(z.regex(/^\{\{secret\.[a-z0-9][a-z0-9_-]{0,63}\}\}$/))),
  ...TARGET_FIELDS,
});
/** One endpoint of an upstream. */
export type Target = z.infer<typeof Target>;

/** The body of `PUT /v1/upstreams/{name}`. */
export const Upstream = z.strictObject({
  /** `openai` is chat completions, of OpenAI or anybody compatible. docs/providers.md says what each can express. */
  kind: UpstreamKind,
  /** `"*"` takes every model name that no other upstream names; otherwise the names clients use, each with the provider's own name. */
  models: z.union([
    z.literal("*"),
    z.record(
      z.string().check(z.minLength(1), z.maxLength(128)),
      z.strictObject({
        as: z.optional(z.string().check(z.minLength(1), z.maxLength(128))),
        /** What limits of money count by. Absent: the model costs nothing. */
        price: z.optional(ModelPrice),
      }),
    ),
  ]),
  /** Endpoints that serve the same models, each with an id of its own. */
  targets: z
    .array(Target)
    .check(
      z.minLength(1),
      z.maxLength(MAX_TARGETS),
      z.refine(haveDistinctIds, "Each target needs an id of its own."),
    ),
  /** The model that is asked when this upstream fails, by the name clients use; its answer is flagged `degraded`. */
  fallback: z.optional(
    z.strictObject({ model: z.string().check(z.minLength(1), z.maxLength(128)) }),
  ),
  /** How one of several targets is chosen. Absent: `peak_ewma`. */
  strategy: z.optional(Strategy),
  /** Keeps answers to exactly the same request: `temperature: 0`, and no tools but the gateway's that only read. */
  cache: z.optional(z.strictObject({ ttl_s: wholeNumber(1, 2_592_000) })),
  timeouts: z.optional(
    z.strictObject({
      /** Until the response headers. */
      first_byte_ms: z.optional(wholeNumber(10, 300_000)),
      /** Between two chunks of a stream. */
      idle_ms: z.optional(wholeNumber(10, 300_000)),
      /** Whole answer. */
      total_ms: z.optional(wholeNumber(10, 300_000)),
    }),
  ),
});
/** A model provider as stored. */
export type Upstream = z.infer<typeof Upstream>;

/** A stored upstream with its name and version. */
export interface NamedUpstream {
  readonly name: string;
  readonly version: number;
  readonly upstream: Upstream;
}
