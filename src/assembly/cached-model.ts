/**
 * CachedModel: answers of a model to exactly the same deterministic request, kept where its upstream says for how long.
 *
 * Deterministic is a request with `temperature: 0` for one answer whose tools, if it has any, are all this gateway's and
 * only read: an answer that calls a tool that writes, or one of the client's, is always the model's own. What was said is
 * kept event by event, so it is told again streamed or whole. It costs nothing: its usage is zero, and `x_gw.cached_answers` says
 * what it would have been. Requests that are the same at the same time are one, in whichever isolate.
 */

import type { ModelEvent } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import { RESULT_QUERY } from "../contract/result-query.ts";
import { TOOL_SEARCH } from "../contract/tool-search.ts";
import type { Tool } from "../contract/tool.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../platform/canonical-json.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { answerKey, tenantScope } from "../tools/cache/cache-key.ts";
import { NO_VALIDATORS } from "../tools/cache/new-entry.ts";
import type { Found, ResultCache, ResultPlace } from "../tools/cache/result-cache.ts";
import { MAX_CACHED_LENGTH } from "../tools/cache/tenant-results.ts";
import { routeModel, type ModelRoute } from "./ask-model.ts";
import { resultsOf } from "./result-layers.ts";
import type { RunContext } from "./run-context.ts";
import { toolContext } from "./tool-ports.ts";

type AskModel = (
  body: JsonObject,
  signal: AbortSignal,
) => Promise<Result<AsyncIterable<ModelEvent>, GatewayError>>;

/** The place of one answer. */
interface AnswerPlace extends ResultPlace {
  readonly ttlS: number;
}

/** The model port with a cache before it; as it was when no upstream of the tenant wants one. */
export function cachedModel(
  env: Pick<Env, "RESULTS" | "RESULT_CACHE" | "MASTER_KEYS" | "ROLE">,
  context: RunContext,
  defer: (work: Promise<unknown>) => void,
  askModel: AskModel,
): AskModel {
  const { policy, upstreams } = context.snapshot;
  const isWanted = upstreams.some(({ upstream }) => upstream.cache !== undefined);
  if (!isWanted || !policy.cache.enabled) return askModel;
  const results = resultsOf(env, toolContext(context), defer);
  return async (body, signal) => {
    const place = await placeOf(context, results, body, signal);
    if (place === null) return askModel(body, signal);
    const found = await results.find(place, signal);
    if (typeof found === "object" && found !== null && Date.now() < found.entry.expiresAtMs)
      return toldAgain(found);
    const turn = await results.takeTurn(place, policy.runs.model_timeout_ms, signal);
    if (turn.kind === "late")
      return fail({ code: signal.aborted ? "cancelled" : "upstream_timeout" });
    if (turn.kind === "found" && Date.now() < turn.entry.expiresAtMs) return toldAgain(turn);
    const ticket = turn.kind === "ask" ? turn.ticket : null;
    return askAndKeep({ results, place, ticket }, () => askModel(body, signal));
  };
}

async function placeOf(
  { snapshot }: RunContext,
  results: ResultCache,
  body: JsonObject,
  signal: AbortSignal,
): Promise<AnswerPlace | null> {
  const route = routeModel(snapshot, typeof body["model"] === "string" ? body["model"] : "");
  const ttlS = route?.upstream.cache?.ttl_s;
  const scope = tenantScope(snapshot);
  if (route === null || ttlS === undefined || scope === null) return null;
  if (!isDeterministic(body, snapshot.tools)) return null;
  const generation = await results.generation("", [], signal);
  if (generation === null) return null;
  // How the answer comes makes no difference to what it says.
  const { stream: _how, stream_options: _counted, ...asked } = body;
  const key = await answerKey(scope, {
    upstream: route.name,
    version: versionOf(snapshot.upstreams, route),
    body: { ...asked, model: route.providerModel },
    secrets: snapshot.secrets.map(({ name, version }) => [name, version]),
    generation,
  });
  return { key, tool: `${scope}/model/${route.name}/${route.providerModel}`, ttlS };
}

function versionOf(
  upstreams: RunContext["snapshot"]["upstreams"],
  { name }: Pick<ModelRoute, "name">,
): number {
  return upstreams.find((one) => one.name === name)?.version ?? 0;
}

/** Whether the same request may be given the same answer again. */
function isDeterministic(body: JsonObject, tools: readonly Tool[]): boolean {
  if (body["temperature"] !== 0 || (body["n"] ?? 1) !== 1) return false;
  const offered = body["tools"] ?? [];
  if (!isJsonArray(offered)) return false;
  const reading = readingNames(tools);
  return offered.every((tool) => reading.has(nameOf(tool)));
}

/** Names, as models see them, that stand for tools that only read and for no other. */
function readingNames(tools: readonly Tool[]): ReadonlySet<string> {
  const reading = new Set<string>([RESULT_QUERY, TOOL_SEARCH]);
  for (const tool of tools) if (isRead(tool)) reading.add(wireLike(tool));
  for (const tool of tools) if (!isRead(tool)) reading.delete(wireLike(tool));
  return reading;
}

function isRead({ definition: { effect } }: Tool): boolean {
  return effect === "pure" || effect === "read";
}

function wireLike({ name }: Tool): string {
  return name.replaceAll(/[.:]/g, "_");
}

function nameOf(tool: Json): string {
  const called = isJsonObject(tool) ? tool["function"] : null;
  const name = isJsonObject(called) ? called["name"] : null;
  return typeof name === "string" ? name : "";
}

interface Keeping {
  readonly results: ResultCache;
  readonly place: AnswerPlace;
  readonly ticket: string | null;
}

async function askAndKeep(keeping: Keeping, ask: () => ReturnType<AskModel>): ReturnType<AskModel> {
  const { results, place, ticket } = keeping;
  const fromMs = Date.now();
  // Whoever waits asks for itself when this one brings nothing that can be kept.
  const giveUp = (): void => {
    if (ticket !== null) results.leave(place, ticket, false);
  };
  const answer = await ask();
  if (!answer.ok) {
    giveUp();
    return answer;
  }
  return ok(
    recorded(answer.value, (events) => {
      const outputJson = events === null ? null : JSON.stringify(events);
      if (outputJson === null || outputJson.length > MAX_CACHED_LENGTH) return giveUp();
      const nowMs = Date.now();
      const untilMs = nowMs + place.ttlS * 1000;
      const times = { expiresAtMs: untilMs, staleUntilMs: untilMs, keptUntilMs: untilMs };
      const costMs = Math.max(1, nowMs - fromMs);
      const entry = { kept: { outputJson }, ...times, costMs, validators: NO_VALIDATORS };
      results.keep(place, entry, ticket);
    }),
  );
}

/** The same events; `onEnd` is told all of them once the answer is complete, or null, exactly once. */
function recorded(
  events: AsyncIterable<ModelEvent>,
  onEnd: (events: readonly ModelEvent[] | null) => void,
): AsyncIterable<ModelEvent> {
  const iterator = events[Symbol.asyncIterator]();
  let all: ModelEvent[] = [];
  let length = 0;
  let isOpen = true;
  const end = (complete: boolean): void => {
    if (isOpen) onEnd(complete ? all : null);
    isOpen = false;
    all = [];
  };
  /** An answer that turns out too long to be kept is let go of at once, and nobody waits for it. */
  const take = (event: ModelEvent): void => {
    if (!isOpen) return;
    all.push(event);
    length += JSON.stringify(event).length;
    if (event.type === "failed" || length > MAX_CACHED_LENGTH) end(false);
  };
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        try {
          const next = await iterator.next();
          if (next.done === true) {
            end(all.some(({ type }) => type === "finish"));
            return { done: true, value: undefined };
          }
          take(next.value);
          return next;
        } catch (fault) {
          end(false);
          throw fault;
        }
      },
      async return() {
        end(false);
        await iterator.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}

/** A kept answer as events: the model was not asked, so nothing was used. */
function toldAgain({ entry }: Found): Result<AsyncIterable<ModelEvent>, GatewayError> {
  const parsed: unknown = "outputJson" in entry.kept ? JSON.parse(entry.kept.outputJson) : [];
  const events = Array.isArray(parsed) ? parsed.filter(isModelEvent) : [];
  return ok(replayed(events));
}

async function* replayed(events: readonly ModelEvent[]): AsyncGenerator<ModelEvent> {
  let saved: JsonObject = {};
  for (const event of events) {
    if (event.type === "usage") saved = event.usage;
    else yield event;
  }
  yield { type: "usage", usage: NOTHING_USED, saved };
}

const NOTHING_USED: JsonObject = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };

const EVENT_TYPES: ReadonlySet<unknown> = new Set<ModelEvent["type"]>([
  "delta",
  "call",
  "call_arguments",
  "finish",
  "usage",
  "meta",
]);

/** What was kept was sealed with the tenant's key and written here: its kind is all that needs to be known of it. */
function isModelEvent(value: unknown): value is ModelEvent {
  return isJsonObject(value) && EVENT_TYPES.has(value["type"]);
}
