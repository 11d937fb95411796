/**
 * Answers a call from what is kept of an earlier one, or sends it and keeps what comes back; whichever kind of tool it is.
 *
 * Only declared `pure` and `read` tools have a place. A result whose time is nearly over is refreshed early by one of
 * those who ask (algorithms/xfetch.ts); one whose time is over answers for the tool's `stale_s` while it is asked for
 * anew, `degraded` once that has failed; one that came with a validator is kept longer and its tool asked whether it still
 * holds. Refreshes belong to no call: they go on after it, one at a time in an invocation, so they take no slot of a run.
 */

import type { CacheLayer, ToolCache } from "../../contract/cache.ts";
import type { PlannedCall } from "../../contract/planned-call.ts";
import type { CallOutcome } from "../../contract/run.ts";
import type { Tool } from "../../contract/tool.ts";
import type { ToolPorts } from "../tool-ports.ts";
import { type CacheEntry, outcomeOf, type Validators } from "./cache-entry.ts";
import { type ResultKey, resultKey } from "./cache-key.ts";
import {
  type AnswerHeaders,
  confirmedHeaders,
  isDefiniteRefusal,
  lifeOf,
  variesByLocale,
} from "./freshness.ts";
import type { ResultCache } from "./result-cache.ts";

/** A call of a tool, and the names of the secrets it is sent with. */
export interface CachedTask {
  readonly tool: Tool;
  readonly call: PlannedCall;
  readonly secrets: Iterable<string>;
}

/** Bounds of one sending. */
export interface SendLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** To be asked whether this still holds; empty: the whole answer is wanted. */
  readonly validators: Validators;
}

/** How a call that was sent ended, and the answer it was made of; null when there was none. */
export interface SentCall {
  readonly outcome: Omit<CallOutcome, "cache">;
  readonly answer: { readonly status: number; readonly headers: AnswerHeaders } | null;
}

/** Sends the call with these ports. Rejects only with a bug. */
export type SendCall = (ports: ToolPorts, limits: SendLimits) => Promise<SentCall>;

/** Refreshes that wait in one invocation; beyond it they are left to a later call. */
const MAX_WAITING_REFRESHES = 16;

/** How long a store may go on showing what was replaced. */
const SHOWN_OLD_MS = 60_000;

/** Nothing to be checked by. */
const NO_VALIDATORS: Validators = {};

/** The place of one call's result. */
interface Place {
  readonly results: ResultCache;
  readonly key: ResultKey;
  readonly rules: ToolCache;
}

/** Runs the call within `timeoutMs`; aborting `signal` aborts its request. Rejects only with a bug of `send`. */
export async function cachedCall(
  ports: ToolPorts,
  task: CachedTask,
  timeoutMs: number,
  signal: AbortSignal,
  send: SendCall,
): Promise<CallOutcome> {
  const startedMs = ports.now();
  const place = await placeOf(ports, task);
  if (place === null) {
    const sent = await send(ports, { timeoutMs, signal, validators: NO_VALIDATORS });
    return { ...sent.outcome, cache: "bypass" };
  }
  const { results, key } = place;
  const found = await results.find(key, signal);
  const nowMs = ports.now();
  if (found !== null && nowMs < found.entry.staleUntilMs) {
    const { entry, layer } = found;
    const isFresh = nowMs < entry.expiresAtMs;
    if (!isFresh || results.isDrawn(entry)) {
      refreshLater(ports, place, entry, task.tool.definition.timeout_ms, send);
    }
    return answered(place, entry, layer, isFresh);
  }
  const limits = { timeoutMs: Math.max(0, timeoutMs - (nowMs - startedMs)), signal };
  const asked = await ask(ports, place, found?.entry ?? null, limits, send);
  return asked.outcome;
}

/** Where this call's result is kept, or null when it may not be. */
async function placeOf(
  ports: ToolPorts,
  { tool, call, secrets }: CachedTask,
): Promise<Place | null> {
  const { cache, effect } = tool.definition;
  if (ports.cache === null || cache === undefined || (effect !== "pure" && effect !== "read"))
    return null;
  const credentials = Object.fromEntries(
    [...secrets].map((name) => [name, ports.credentials.get(name) ?? ""]),
  );
  const locale = variesByLocale(cache) ? ports.locale : "";
  const inputs = { arguments: call.arguments, locale, credentials };
  const key = await resultKey(ports.cache.scope, tool, inputs);
  return { results: ports.cache.results, key, rules: cache };
}

function answered(
  { results, key }: Place,
  entry: CacheEntry,
  cacheLayer: CacheLayer,
  isFresh: boolean,
): CallOutcome {
  const outcome = { ...outcomeOf(entry), cacheLayer, attempts: 0 };
  if (isFresh) return { ...outcome, cache: "hit" };
  const isDegraded = outcome.status === "succeeded" && results.isFailing(key);
  return { ...outcome, ...(isDegraded && { status: "degraded" as const }), cache: "stale" };
}

/** Sends the call and keeps what may be kept. `known` is what its tool may be asked to confirm. */
async function ask(
  ports: ToolPorts,
  place: Place,
  known: CacheEntry | null,
  limits: Omit<SendLimits, "validators">,
  send: SendCall,
): Promise<Asked> {
  const fromMs = ports.now();
  const validators = known?.validators ?? NO_VALIDATORS;
  const sent = await send(ports, { ...limits, validators });
  const nowMs = ports.now();
  const taken = { nowMs, costMs: Math.max(1, nowMs - fromMs) };
  const isConfirmed = known !== null && sent.answer?.status === 304;
  const entry = isConfirmed
    ? entryOf(place, known.kept, confirmedHeaders(validators, sent.answer.headers), taken)
    : newEntry(place, sent, taken);
  if (entry !== null) place.results.keep(place.key, entry);
  // What was kept does not hold any more, and nothing may take its place.
  else if (known !== null && isAnswered(sent)) place.results.keep(place.key, nothing(nowMs));
  const { attempts } = sent.outcome;
  const outcome: CallOutcome = isConfirmed
    ? { ...outcomeOf(known), cache: "revalidated", attempts }
    : { ...sent.outcome, cache: "miss" };
  return { outcome, isAnswered: isAnswered(sent) };
}

interface Asked {
  readonly outcome: CallOutcome;
  readonly isAnswered: boolean;
}

interface Taken {
  readonly nowMs: number;
  readonly costMs: number;
}

/** The tool said something that holds: a result, or that these arguments are wrong. */
function isAnswered({ outcome, answer }: SentCall): boolean {
  if (answer === null) return false;
  return (
    outcome.status === "succeeded" || answer.status === 304 || isDefiniteRefusal(answer.status)
  );
}

/** What is kept of a call that was sent: a result, or a refusal of its arguments where the tool wants that. */
function newEntry(place: Place, { outcome, answer }: SentCall, taken: Taken): CacheEntry | null {
  const { outputJson, error } = outcome;
  if (answer === null) return null;
  if (outcome.status === "succeeded" && outputJson !== undefined)
    return entryOf(place, { outputJson }, answer.headers, taken);
  if (error === undefined || !isDefiniteRefusal(answer.status)) return null;
  return entryOf(place, { error }, answer.headers, taken);
}

function entryOf(
  { rules }: Place,
  result: CacheEntry["kept"],
  headers: AnswerHeaders,
  { nowMs, costMs }: Taken,
): CacheEntry | null {
  const isRefusal = "error" in result;
  const ttlS = isRefusal ? (rules.negative_ttl_s ?? 0) : rules.ttl_s;
  const life = ttlS === 0 ? null : lifeOf(rules, ttlS, headers, nowMs);
  if (life === null) return null;
  const expiresAtMs = nowMs + life.freshMs;
  // A refusal is worth neither a stale answer nor a question.
  if (isRefusal) {
    const until = { staleUntilMs: expiresAtMs, keptUntilMs: expiresAtMs };
    return { kept: result, expiresAtMs, ...until, costMs, validators: NO_VALIDATORS };
  }
  const staleUntilMs = expiresAtMs + life.staleMs;
  const keptUntilMs = Math.max(staleUntilMs, expiresAtMs + life.checkedMs);
  const { validators } = life;
  return { kept: result, expiresAtMs, staleUntilMs, keptUntilMs, costMs, validators };
}

/** Stands where something was kept that does not hold any more, until a store that shows old values has caught up. */
function nothing(nowMs: number): CacheEntry {
  const kept = { error: { code: "upstream_status" as const, message: "" } };
  const until = { expiresAtMs: nowMs, staleUntilMs: nowMs, keptUntilMs: nowMs + SHOWN_OLD_MS };
  return { kept, ...until, costMs: 1, validators: NO_VALIDATORS };
}

/** By invocation, which is by its ports: the end of the refreshes that are under way, and how many there are. */
const waiting = new WeakMap<ResultCache, { last: Promise<unknown>; count: number }>();

/** Asks for a result anew, in the background. Nobody else of this isolate does so meanwhile. */
function refreshLater(
  ports: ToolPorts,
  place: Place,
  entry: CacheEntry,
  timeoutMs: number,
  send: SendCall,
): void {
  const { results, key } = place;
  const queue = waiting.get(results) ?? { last: Promise.resolve(), count: 0 };
  if (queue.count >= MAX_WAITING_REFRESHES) return;
  if (!results.claimRefresh(key, timeoutMs)) return;
  const { beforeLongAnswer: _slot, onProgress: _reader, ...own } = ports;
  const refresh = async (): Promise<void> => {
    const limits = { timeoutMs, signal: NEVER };
    const refreshed = await ask(own, place, entry, limits, send).catch(() => null);
    queue.count -= 1;
    results.endRefresh(key, refreshed?.isAnswered === true);
  };
  queue.count += 1;
  queue.last = queue.last.then(refresh);
  waiting.set(results, queue);
  results.defer(queue.last);
}

/** A refresh has no client that could leave; its timeout ends it. */
const NEVER = new AbortController().signal;
