/**
 * FallbackModel: a turn whose upstream fails is asked of the model that stands in for those of this upstream, and says so
 * (`degraded`).
 *
 * It stands outside cache and limits, so the other model's answer is kept and charged as its own. Only before the first
 * byte: an answer that breaks off cannot be begun anew. When nobody answers, the first failure stands.
 */

import type { ModelEvent } from "../contract/chat.ts";
import type { ErrorCode, GatewayError } from "../contract/error.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import type { JsonObject } from "../platform/canonical-json.ts";
import { ok, type Result } from "../platform/result.ts";
import { modelVerdict } from "../upstream/model-verdict.ts";
import { routeModel } from "./ask-model.ts";

/** Models that are asked in place of the first, one after the other. */
export const MAX_FALLBACK_MODELS = 3;

type AskModel = (
  body: JsonObject,
  signal: AbortSignal,
) => Promise<Result<AsyncIterable<ModelEvent>, GatewayError>>;

/** The same model port with fallbacks; as it was when no upstream has one. */
export function fallbackModel(
  snapshot: Pick<TenantSnapshot, "upstreams">,
  askModel: AskModel,
): AskModel {
  if (!snapshot.upstreams.some(({ upstream }) => upstream.fallback !== undefined)) return askModel;
  return async (body, signal) => {
    const first = await askModel(body, signal);
    const asked = new Set<string>();
    let model = typeof body["model"] === "string" ? body["model"] : "";
    let answer = first;
    while (!answer.ok && isOfUpstream(answer.error) && asked.size < MAX_FALLBACK_MODELS) {
      asked.add(model);
      const next = routeModel(snapshot, model)?.upstream.fallback?.model;
      if (next === undefined || asked.has(next) || signal.aborted) break;
      model = next;
      answer = await askModel({ ...body, model }, signal);
      if (answer.ok) return ok(degraded(answer.value, model));
    }
    return first;
  };
}

/** Errors of an upstream that was not asked, or had no key. */
const NOT_ASKED: ReadonlySet<ErrorCode> = new Set([
  "circuit_open",
  "secret_unavailable",
  "upstream_credentials_exhausted",
  "upstream_overloaded",
  "upstream_rate_limited",
]);

/** True when the failure is the upstream's, so that another may do better. */
function isOfUpstream(error: GatewayError): boolean {
  return NOT_ASKED.has(error.code) || modelVerdict(error).class !== "ignored";
}

/** The same events after one that says who speaks. */
function degraded(events: AsyncIterable<ModelEvent>, model: string): AsyncIterable<ModelEvent> {
  const iterator = events[Symbol.asyncIterator]();
  let isTold = false;
  return {
    [Symbol.asyncIterator]: () => ({
      next() {
        if (isTold) return iterator.next();
        isTold = true;
        return Promise.resolve({ done: false, value: { type: "degraded", model } });
      },
      async return() {
        await iterator.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}
