/**
 * Runs a request that passes through: the upstream that has its model gets it as it came, with the tenant's key and the
 * provider's name of the model, through the guard; its answer comes back as bytes.
 */

import type { Caller } from "../contract/admission.ts";
import type { GatewayError } from "../contract/error.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import { Abort } from "../platform/abort.ts";
import type { JsonObject } from "../platform/canonical-json.ts";
import { followWork } from "../platform/followed-work.ts";
import { newId } from "../platform/id.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { limitsTurns } from "../tenancy/limit-draws.ts";
import { type PassedAnswer, passThrough } from "../upstream/pass-through.ts";
import { UsageTail } from "../upstream/usage-tail.ts";
import { affinityOf, type ModelRoute, routeModel, targetKey, timeoutsOf } from "./ask-model.ts";
import type { StartedRun } from "./execute-order.ts";
import { guardUpstream, type UpstreamWorld } from "./guard-upstream.ts";
import { maxOutputOf } from "./limited-model.ts";
import { countedTokens, NO_TOKENS, type ReservedTurn, reserveTurn } from "./model-turn.ts";
import { callerOf, type RunCaller } from "./run-context.ts";

/** A request as the client sent it. */
export interface PassThroughOrder {
  /** Below the upstream's base URL, such as `/embeddings`. */
  readonly path: string;
  readonly body: JsonObject | FormData;
}

/** What a request that passes through comes to: its head, then its bytes; or a failure, which may come after some bytes. */
export type PassedEvent =
  | { readonly type: "head"; readonly status: number; readonly contentType: string }
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  | { readonly type: "failed"; readonly error: GatewayError };

/** Pieces of an answer that may wait for their reader. */
const PIECES_AHEAD = 4;

/** Starts it. Leaving the events stops it. */
export function startPassThrough(
  env: PassingWorld["env"],
  caller: RunCaller,
  order: PassThroughOrder,
  defer: (work: Promise<unknown>) => void,
  signal: AbortSignal,
): StartedRun<PassedEvent> {
  const world = { env, snapshot: caller.snapshot, caller: callerOf(caller), defer };
  const followed = followWork<PassedEvent>(
    { events: PIECES_AHEAD },
    signal,
    async (emit, runSignal) => {
      const failed = (error: GatewayError) => emit({ type: "failed", error });
      const route = routeOf(world.snapshot, order);
      if (!route.ok) return failed(route.error);
      const turn = await reserve(world, route.value, order);
      if (!turn.ok) return failed(turn.error);
      const answer = await ask(world, route.value, order, runSignal);
      if (!answer.ok) {
        turn.value?.settle(NO_TOKENS, false);
        return failed(answer.error);
      }
      const { status, contentType, bytes } = answer.value;
      const tail = new UsageTail();
      try {
        await emit({ type: "head", status, contentType });
        for await (const piece of bytes) {
          if (!piece.ok) return await failed(piece.error);
          tail.take(piece.value);
          await emit({ type: "bytes", bytes: piece.value });
        }
      } finally {
        if (turn.value !== null) settle(turn.value, tail);
      }
    },
  );
  return { id: newId("run"), ...followed };
}

/** Takes what the request will probably use of the tenant's limits; null where nothing limits turns. */
async function reserve(
  world: PassingWorld,
  { name, upstream }: ModelRoute,
  { path, body }: PassThroughOrder,
): Promise<Result<ReservedTurn | null, GatewayError>> {
  if (!limitsTurns(world.snapshot, world.caller)) return ok(null);
  const texts = body instanceof FormData ? [...body.values()].filter(isText) : [body];
  return reserveTurn(world, {
    upstreamName: name,
    upstream,
    model: modelOf(body) ?? "",
    reads: texts,
    maxOutput: body instanceof FormData ? null : maxOutputOf(body),
    ...(path !== WRITING && { isSilent: true }),
  });
}

/** By the provider's count where it gave one, else by the estimate. */
function settle({ input, settle: done }: ReservedTurn, tail: UsageTail): void {
  const usage = tail.usage();
  const estimate = { input, cachedInput: 0, output: 0 };
  done(usage === null ? estimate : countedTokens(usage, estimate), usage !== null);
}

/** The one of these routes whose models write text. */
const WRITING = "/completions";

function isText(value: File | string): value is string {
  return typeof value === "string";
}

interface PassingWorld extends UpstreamWorld {
  readonly env: Pick<Env, "MASTER_KEYS" | "ALLOW_LOOPBACK" | "TENANT_GATE" | "ROLE">;
  readonly snapshot: TenantSnapshot;
  readonly caller: Caller;
}

/** Where the request goes. */
function routeOf(
  snapshot: TenantSnapshot,
  { body }: PassThroughOrder,
): Result<ModelRoute, GatewayError> {
  const model = modelOf(body);
  const route = model === null ? anyRoute(snapshot) : routeModel(snapshot, model);
  if (route === null) return fail({ code: "model_not_found", model: model ?? "" });
  if (hasPath(route)) return ok(route);
  const message = `The upstream ${JSON.stringify(route.name)} of this model has no such route.`;
  return fail({ code: "unprocessable", violations: [{ pointer: "/model", message }] });
}

async function ask(
  world: PassingWorld,
  route: ModelRoute,
  order: PassThroughOrder,
  signal: AbortSignal,
): Promise<Result<PassedAnswer, GatewayError>> {
  const { env, snapshot } = world;
  const hasModel = modelOf(order.body) !== null;
  const isStreamed = !(order.body instanceof FormData) && order.body["stream"] === true;
  const { model_timeout_ms: totalMs } = snapshot.policy.runs;
  const timeouts = timeoutsOf(route.upstream, totalMs, isStreamed);
  return guardUpstream<PassedAnswer>(
    world,
    {
      name: route.name,
      upstream: route.upstream,
      affinity: order.body instanceof FormData ? "" : affinityOf(order.body),
      timeoutMs: timeouts.firstByteMs,
      // What such a route does is the provider's business: it may keep a file or start a job.
      allowed: "only_if_not_executed",
      attempt: async (target, attemptSignal, onBroken, onHeaders) => {
        const apiKey = await targetKey(env, snapshot, target);
        if (!apiKey.ok) return apiKey;
        return passThrough({
          url: target.base_url.replace(/\/+$/, "") + order.path,
          apiKey: apiKey.value,
          body: bodyFor(order.body, hasModel ? route.providerModel : null),
          timeouts,
          allowLoopback: env.ALLOW_LOOPBACK === "true",
          signal: new Abort().follow(signal, attemptSignal).signal,
          onBroken,
          onHeaders,
        });
      },
    },
    signal,
  );
}

/** Where a request without a model goes: the first upstream that speaks OpenAI's API. */
function anyRoute(snapshot: TenantSnapshot): ModelRoute | null {
  for (const { name, upstream } of snapshot.upstreams) {
    const route = { name, upstream, providerModel: "" };
    if (hasPath(route)) return route;
  }
  return null;
}

/** Only providers of OpenAI's own API have its other routes. */
function hasPath({ upstream: { kind } }: ModelRoute): boolean {
  return kind === "openai" || kind === "openai_responses";
}

function modelOf(body: PassThroughOrder["body"]): string | null {
  const model = body instanceof FormData ? body.get("model") : body["model"];
  return typeof model === "string" ? model : null;
}

/** The body under the provider's own name of the model; null leaves it without one. */
function bodyFor(body: PassThroughOrder["body"], model: string | null): string | FormData {
  if (!(body instanceof FormData)) {
    return JSON.stringify(model === null ? body : { ...body, model });
  }
  const form = new FormData();
  for (const [name, value] of body) {
    if (name === "model" && model !== null) form.set(name, model);
    else form.append(name, value);
  }
  return form;
}
