/**
 * The model port of one run: finds the tenant's upstream that has the requested model, opens its key for exactly that
 * host, and asks one turn through the guard.
 */

import type { ChoiceRecord } from "../contract/balance.ts";
import type { GatewayError } from "../contract/error.ts";
import type { ModelEvent } from "../contract/chat.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import type { Target, Upstream } from "../contract/upstream.ts";
import { Abort } from "../platform/abort.ts";
import { isJsonArray, type JsonObject } from "../platform/canonical-json.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { askMessagesModel } from "../upstream/anthropic/ask-messages.ts";
import type { AskProvider } from "../upstream/ask-provider.ts";
import { askChatModel } from "../upstream/chat-model.ts";
import { askResponsesModel } from "../upstream/responses/ask-responses.ts";
import { askWorkersAiModel } from "../upstream/workers-ai/ask-workers-ai.ts";
import { guardUpstream } from "./guard-upstream.ts";
import type { RunContext } from "./run-context.ts";
import { openSecretFor, secretName } from "./secrets.ts";

/** Limits of one model answer where neither upstream nor policy says less. */
const DEFAULT_TIMEOUTS = { firstByteMs: 30_000, idleMs: 30_000, totalMs: 120_000 };

/** Who speaks the protocol of each kind of upstream. */
const PROVIDERS: Readonly<Record<Upstream["kind"], AskProvider>> = {
  openai: askChatModel,
  openai_responses: askResponsesModel,
  anthropic: askMessagesModel,
  workers_ai: askWorkersAiModel,
};

type AskModel = (
  body: JsonObject,
  signal: AbortSignal,
) => Promise<Result<AsyncIterable<ModelEvent>, GatewayError>>;

/** Asks the tenant's models. An unknown model, an unusable secret or a refused address fails before anything is sent. */
export function modelPort(
  env: Pick<Env, "MASTER_KEYS" | "ALLOW_LOOPBACK" | "TENANT_GATE" | "ROLE">,
  context: Pick<RunContext, "snapshot">,
  defer: (work: Promise<unknown>) => void,
  onChoice?: (choice: ChoiceRecord) => void,
): AskModel {
  const { snapshot } = context;
  const modelTimeoutMs = snapshot.policy.runs.model_timeout_ms;
  return async (body, signal) => {
    const model = typeof body["model"] === "string" ? body["model"] : "";
    const route = routeModel(snapshot, model);
    if (route === null) return fail({ code: "model_not_found", model });
    const timeouts = timeoutsOf(route.upstream, modelTimeoutMs, body["stream"] === true);
    return guardUpstream<AsyncIterable<ModelEvent>>(
      { env, snapshot, defer },
      {
        name: route.name,
        upstream: route.upstream,
        affinity: affinityOf(body),
        timeoutMs: timeouts.firstByteMs,
        // Until its first byte an answer is nobody's: asking again costs time and money, never a doubled effect.
        allowed: "always",
        attempt: async (target, attemptSignal, onBroken, onHeaders) => {
          const apiKey = await targetKey(env, snapshot, target);
          if (!apiKey.ok) return apiKey;
          return PROVIDERS[route.upstream.kind]({
            baseUrl: target.base_url,
            apiKey: apiKey.value,
            body: { ...body, model: route.providerModel },
            timeouts,
            allowLoopback: env.ALLOW_LOOPBACK === "true",
            // The guard lets go once the headers are in; the stream still ends with the run.
            signal: new Abort().follow(signal, attemptSignal).signal,
            onBroken,
            onHeaders,
          });
        },
        ...(onChoice !== undefined && { onChoice }),
      },
      signal,
    );
  };
}

/** Where a model name leads. */
export interface ModelRoute {
  readonly name: string;
  readonly upstream: Upstream;
  /** The provider's own name of the model. */
  readonly providerModel: string;
}

/** The first of the tenant's upstreams that names this model, else the first that takes any name, or null. */
export function routeModel(
  snapshot: Pick<TenantSnapshot, "upstreams">,
  model: string,
): ModelRoute | null {
  let open: ModelRoute | null = null;
  for (const { name, upstream } of snapshot.upstreams) {
    if (upstream.models === "*") {
      open ??= { name, upstream, providerModel: model };
      continue;
    }
    const entry = Object.hasOwn(upstream.models, model) ? upstream.models[model] : undefined;
    if (entry !== undefined) return { name, upstream, providerModel: entry.as ?? model };
  }
  return open;
}

/** Characters of a conversation's beginning that tell it from others. */
const AFFINITY_LENGTH = 2_048;

/**
 * What requests of one conversation have in common, so that `bounded_hash` sends them where the provider has its beginning
 * cached: the client's own word for it, or how it begins.
 */
export function affinityOf(body: JsonObject): string {
  const word = body["prompt_cache_key"] ?? body["user"] ?? null;
  if (typeof word === "string") return word;
  const messages = body["messages"] ?? null;
  const beginning = messages !== null && isJsonArray(messages) ? messages.slice(0, 2) : [];
  return JSON.stringify(beginning).slice(0, AFFINITY_LENGTH);
}

/** The target's key, opened for its own host only; null when the target needs none. */
export async function targetKey(
  env: Pick<Env, "MASTER_KEYS">,
  snapshot: TenantSnapshot,
  target: Target,
): Promise<Result<string | null, GatewayError>> {
  if (target.api_key === undefined) return ok(null);
  const name = secretName(target.api_key);
  const opened = await openSecretFor(env, snapshot, name, new URL(target.base_url).host);
  return opened === null ? fail({ code: "secret_unavailable", secret: name }) : ok(opened);
}

/** How long an answer of this upstream may take. One that is not streamed begins when it is whole. */
export function timeoutsOf(upstream: Upstream, modelTimeoutMs: number, isStreamed: boolean) {
  const own = upstream.timeouts ?? {};
  const totalMs = Math.min(own.total_ms ?? DEFAULT_TIMEOUTS.totalMs, modelTimeoutMs);
  const firstByteMs = isStreamed ? DEFAULT_TIMEOUTS.firstByteMs : totalMs;
  return {
    firstByteMs: Math.min(own.first_byte_ms ?? firstByteMs, totalMs),
    idleMs: Math.min(own.idle_ms ?? DEFAULT_TIMEOUTS.idleMs, totalMs),
    totalMs,
  };
}
