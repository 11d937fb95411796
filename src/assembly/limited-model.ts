/**
 * LimitedModel: every turn of a model under its tenant's limits on tokens and money.
 *
 * What a turn will use is not known before: its input is estimated, its output taken as what nine of ten answers of that model
 * stayed below (never more than the request allows), and that is reserved. What the provider counted is settled when
 * the turn ends; a turn that ends without being counted, because its client left or its provider broke, is settled by what was read of it.
 */

import { QuantileSketch, type SketchRange } from "../algorithms/quantile-sketch.ts";
import { estimateTokens } from "../algorithms/token-estimate.ts";
import type { AdmissionRequest } from "../contract/admission.ts";
import type { ModelEvent } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import type { ModelPrice, Upstream } from "../contract/upstream.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import { isJsonObject, type Json, type JsonObject } from "../platform/canonical-json.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { limitsTurns, turnDraws } from "../tenancy/limit-draws.ts";
import { passLimits, settleLimits } from "../tenancy/pass-limits.ts";
import { routeModel } from "./ask-model.ts";
import { UNKNOWN_CALLER } from "./limited-lanes.ts";
import type { RunContext } from "./run-context.ts";

type AskModel = (
  body: JsonObject,
  signal: AbortSignal,
) => Promise<Result<AsyncIterable<ModelEvent>, GatewayError>>;

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
interface TurnTokens {
  readonly input: number;
  readonly cachedInput: number;
  readonly output: number;
}

/** The same model port under the limits; as it was when nothing limits its turns. */
export function limitedModel(
  env: Pick<Env, "TENANT_GATE" | "ROLE">,
  { snapshot, caller = UNKNOWN_CALLER }: RunContext,
  defer: (work: Promise<unknown>) => void,
  askModel: AskModel,
): AskModel {
  if (!limitsTurns(snapshot, caller)) return askModel;
  return async (body, signal) => {
    const model = typeof body["model"] === "string" ? body["model"] : "";
    const route = routeModel(snapshot, model);
    // The port itself says that nobody has this model.
    if (route === null) return askModel(body, signal);
    const name = `${snapshot.tenantId}/${model}`;
    const costOf = (used: TurnTokens): AdmissionRequest["rates"] =>
      turnDraws(snapshot, caller, {
        upstream: route.name,
        tokens: used.input + used.output,
        usd: usdOf(priceOf(route.upstream, model), used),
      });
    const estimate = { input: inputTokens(body), cachedInput: 0, output: outputTokens(name, body) };
    const reserved = costOf(estimate);
    const request = { rates: reserved, concurrency: [], permitTtlMs: 0 };
    const passed = await passLimits(env, defer, snapshot, request);
    if (!passed.ok) return fail(passed.error.error);
    const settle = (used: TurnTokens) => {
      const due = costOf(used).map((rate, n) => ({
        ...rate,
        cost: (rate.cost ?? 1) - (reserved[n]?.cost ?? 1),
      }));
      settleLimits(
        env,
        defer,
        snapshot,
        due.filter(({ cost }) => cost !== 0),
      );
    };
    const asked = await askModel(body, signal);
    if (!asked.ok) {
      settle({ input: 0, cachedInput: 0, output: 0 });
      return asked;
    }
    return ok(
      settled(asked.value, estimate.input, (used, isWhole) => {
        if (isWhole) observe(name, used.output);
        settle(used);
      }),
    );
  };
}

/** The same events; when they end in whatever way, `done` is told what the turn used. */
async function* settled(
  events: AsyncIterable<ModelEvent>,
  input: number,
  done: (used: TurnTokens, isWhole: boolean) => void,
): AsyncGenerator<ModelEvent> {
  let usage: JsonObject | null = null;
  let text = 0;
  try {
    for await (const event of events) {
      if (event.type === "usage") ({ usage } = event);
      else if (event.type === "call_arguments") text += event.delta.length;
      else if (event.type === "delta") text += lengthOf(event.delta);
      yield event;
    }
  } finally {
    // Four characters a token, where nobody counted.
    const read = { input, cachedInput: 0, output: Math.ceil(text / 4) };
    done(usage === null ? read : tokensOf(usage, read), usage !== null);
  }
}

/** The provider's own count; what it leaves out is taken as estimated. */
function tokensOf(usage: JsonObject, estimate: TurnTokens): TurnTokens {
  const details = usage["prompt_tokens_details"];
  const cached = isJsonObject(details) ? numberOf(details["cached_tokens"]) : null;
  return {
    input: numberOf(usage["prompt_tokens"]) ?? estimate.input,
    cachedInput: cached ?? 0,
    output: numberOf(usage["completion_tokens"]) ?? estimate.output,
  };
}

function numberOf(value: Json | undefined): number | null {
  return typeof value === "number" ? value : null;
}

function lengthOf(delta: JsonObject): number {
  return Object.values(delta).reduce<number>(
    (sum, value) => sum + (typeof value === "string" ? value.length : 0),
    0,
  );
}

function outputTokens(name: string, body: JsonObject): number {
  const bounds = [body["max_completion_tokens"], body["max_tokens"]];
  const most = bounds.find((bound) => typeof bound === "number");
  const measured = outputs.get(name, Date.now())?.quantile(OUTPUT_QUANTILE) ?? null;
  const expected = measured ?? (typeof most === "number" ? most : UNMEASURED_OUTPUT);
  return Math.ceil(typeof most === "number" ? Math.min(most, expected) : expected);
}

function observe(name: string, output: number): void {
  const nowMs = Date.now();
  const sketch = outputs.get(name, nowMs) ?? new QuantileSketch(OUTPUT);
  sketch.add(output, nowMs);
  outputs.set(name, sketch, nowMs + FORGOTTEN_AFTER_MS);
}

/** Estimated tokens of everything the model reads: texts of messages and definitions of tools, no images. */
function inputTokens({ messages, tools }: JsonObject): number {
  return tokensIn(messages, 0) + tokensIn(tools, 0);
}

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
