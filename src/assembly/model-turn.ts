/**
 * ModelTurn: what one request to a model takes of its tenant's limits on turns, tokens and money.
 *
 * What it will use is not known before: its input is estimated, its output taken as what nine of ten answers of that model
 * stayed below (never more than the request allows), and that is reserved. What the provider counted is settled at the end.
 */

import { QuantileSketch, type SketchRange } from "../algorithms/quantile-sketch.ts";
import { estimateTokens } from "../algorithms/token-estimate.ts";
import type { AdmissionRequest, Caller } from "../contract/admission.ts";
import type { GatewayError } from "../contract/error.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import type { ModelPrice, Upstream } from "../contract/upstream.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import { isJsonObject, type Json, type JsonObject } from "../platform/canonical-json.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { turnDraws } from "../tenancy/limit-draws.ts";
import { passLimits, settleLimits } from "../tenancy/pass-limits.ts";

/** Output of a model nobody has measured yet, when the request sets no bound. */
const UNMEASURED_OUTPUT = 1024;

/** Nine of ten answers are no longer. */
const OUTPUT_QUANTILE = 0.9;

const OUTPUT: SketchRange = { relativeError: 0.05, least: 1, most: 1_000_000, halfLifeMs: 600_000 };
const MAX_MEASURED_MODELS = 500;
const FORGOTTEN_AFTER_MS = 3_600_000;

/** Deeper than this a request is not read for its length. */
const MAX_DEPTH = 12;

/** Isolate cache: how long answers are, by tenant and model. */
const outputs = new BoundedMap<string, QuantileSketch>(MAX_MEASURED_MODELS);

/** What a turn used, in tokens. */
export interface TurnTokens {
  readonly input: number;
  readonly cachedInput: number;
  readonly output: number;
}

/** Whose turn it is. */
export interface TurnWorld {
  readonly env: Pick<Env, "TENANT_GATE" | "ROLE">;
  readonly snapshot: TenantSnapshot;
  readonly caller: Caller;
  readonly defer: (work: Promise<unknown>) => void;
}

/** A request to a model. */
export interface TurnRequest {
  /** Name of the upstream that has the model. */
  readonly upstreamName: string;
  readonly upstream: Upstream;
  readonly model: string;
  /** Everything the model reads, as far as it is text. */
  readonly reads: readonly Json[];
  /** What the request itself bounds its answer to. */
  readonly maxOutput: number | null;
  /** True for models that answer no text, such as those of embeddings. */
  readonly isSilent?: true;
}

/** A turn that may be taken. Settle it once, however it ends. */
export interface ReservedTurn {
  /** The input as it was estimated. */
  readonly input: number;
  /** `isCounted`: by the provider itself, so that later turns can be estimated by it. */
  settle(this: void, used: TurnTokens, isCounted: boolean): void;
}

/** Nothing was used. */
export const NO_TOKENS: TurnTokens = { input: 0, cachedInput: 0, output: 0 };

/** Reserves a turn, or says which limit it does not pass; then nothing was consumed. */
export async function reserveTurn(
  { env, snapshot, caller, defer }: TurnWorld,
  { upstreamName, upstream, model, reads, maxOutput, isSilent }: TurnRequest,
): Promise<Result<ReservedTurn, GatewayError>> {
  const name = `${snapshot.tenantId}/${model}`;
  const costOf = (used: TurnTokens): AdmissionRequest["rates"] =>
    turnDraws(snapshot, caller, {
      upstream: upstreamName,
      tokens: used.input + used.output,
      usd: usdOf(priceOf(upstream, model), used),
    });
  const input = reads.reduce<number>((sum, part) => sum + tokensIn(part, 0), 0);
  const output = isSilent ? 0 : outputTokens(name, maxOutput);
  const reserved = costOf({ input, cachedInput: 0, output });
  const request = { rates: reserved, concurrency: [], permitTtlMs: 0 };
  const passed = await passLimits(env, defer, snapshot, request);
  if (!passed.ok) return fail(passed.error.error);
  return ok({
    input,
    settle(used, isCounted) {
      if (isCounted) observe(name, used.output);
      const due = costOf(used).map((rate, n) => ({
        ...rate,
        cost: (rate.cost ?? 1) - (reserved[n]?.cost ?? 1),
      }));
      const changed = due.filter(({ cost }) => cost !== 0);
      settleLimits(env, defer, snapshot, changed);
    },
  });
}

/** A provider's own count, whatever kind of model it is; what it leaves out is taken from `estimate`. */
export function countedTokens(usage: JsonObject, estimate: TurnTokens): TurnTokens {
  const details = usage["prompt_tokens_details"];
  const cached = isJsonObject(details) ? numberOf(details["cached_tokens"]) : null;
  return {
    input: numberOf(usage["prompt_tokens"]) ?? numberOf(usage["input_tokens"]) ?? estimate.input,
    cachedInput: cached ?? 0,
    output:
      numberOf(usage["completion_tokens"]) ?? numberOf(usage["output_tokens"]) ?? estimate.output,
  };
}

function numberOf(value: Json | undefined): number | null {
  return typeof value === "number" ? value : null;
}

function outputTokens(name: string, most: number | null): number {
  const measured = outputs.get(name, Date.now())?.quantile(OUTPUT_QUANTILE) ?? null;
  const expected = measured ?? most ?? UNMEASURED_OUTPUT;
  return Math.ceil(Math.min(most ?? expected, expected));
}

function observe(name: string, output: number): void {
  const nowMs = Date.now();
  const sketch = outputs.get(name, nowMs) ?? new QuantileSketch(OUTPUT);
  sketch.add(output, nowMs);
  outputs.set(name, sketch, nowMs + FORGOTTEN_AFTER_MS);
}

/** Estimated tokens of every text in a value; no images. */
function tokensIn(value: Json | undefined, depth: number): number {
  if (typeof value === "string") return value.startsWith("data:") ? 0 : estimateTokens(value);
  if (depth > MAX_DEPTH || value === null || typeof value !== "object") return 1;
  let sum = 0;
  for (const part of Array.isArray(value) ? value : Object.values(value)) {
    sum += tokensIn(part, depth + 1);
  }
  return sum;
}

function priceOf({ models }: Upstream, model: string): ModelPrice | null {
  return models === "*" ? null : (models[model]?.price ?? null);
}

/** Dollars, by a price list in dollars a million tokens. */
function usdOf(price: ModelPrice | null, { input, cachedInput, output }: TurnTokens): number {
  if (price === null) return 0;
  const cachedPrice = price.cached_input_per_mtok ?? price.input_per_mtok;
  const dollars =
    (input - cachedInput) * price.input_per_mtok +
    cachedInput * cachedPrice +
    output * price.output_per_mtok;
  return dollars / 1_000_000;
}
