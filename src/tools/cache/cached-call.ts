/**
 * Answers a call from what is kept of an earlier one, or sends it and keeps what comes back; whichever kind of tool it is.
 *
 * Only declared `pure` and `read` tools have a place. Of calls that find nothing at the same time one asks the tool, in
 * whichever isolate they run (single-flight.ts). A result whose time is nearly over is refreshed early by one of
 * those who ask (algorithms/xfetch.ts); one whose time is over answers for the tool's `stale_s` while it is asked for
 * anew, `degraded` once that has failed; one that came with a validator is kept longer and its tool asked whether it still
 * holds. Refreshes belong to no call: they go on after it, one at a time in an invocation, so they take no slot of a run.
 */

import type { ToolCache } from "../../contract/cache.ts";
import type { PlannedCall } from "../../contract/planned-call.ts";
import type { CallOutcome } from "../../contract/run.ts";
import type { Tool } from "../../contract/tool.ts";
import { classifyFailure } from "../call-outcome.ts";
import type { ToolPorts } from "../tool-ports.ts";
import { type CacheEntry, keptError, outcomeOf, type Validators } from "./cache-entry.ts";
import { resultKey } from "./cache-key.ts";
import { variesByLocale } from "./freshness.ts";
import {
  confirmedEntry,
  hasSpoken,
  newEntry,
  nothing,
  NO_VALIDATORS,
  type ToolAnswer,
} from "./new-entry.ts";
import type { Found, ResultCache, ResultPlace } from "./result-cache.ts";
import { Abort } from "../../platform/abort.ts";

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
  readonly answer: ToolAnswer | null;
}

/** Sends the call with these ports. Rejects only with a bug. */
export type SendCall = (ports: ToolPorts, limits: SendLimits) => Promise<SentCall>;

/** Refreshes that wait in one invocation; beyond it they are left to a later call. */
const MAX_WAITING_REFRESHES = 16;

/** The place of one call's result. */
interface Place extends ResultPlace {
  readonly results: ResultCache;
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
  const endsAtMs = ports.now() + timeoutMs;
  const place = await placeOf(ports, task, signal);
  if (place === null) {
    const sent = await send(ports, { timeoutMs, signal, validators: NO_VALIDATORS });
    return { ...sent.outcome, cache: "bypass" };
  }
  const { results } = place;
  const refreshMs = task.tool.definition.timeout_ms;
  const looked = await results.find(place, signal);
  const found = typeof looked === "string" ? null : looked;
  if (found !== null && ports.now() < found.entry.staleUntilMs)
    return answered(ports, place, found, () => refreshLater(ports, place, found, refreshMs, send));
  const turn = await results.takeTurn(place, endsAtMs - ports.now(), signal);
  if (turn.kind === "late") return leftWaiting(task.call, signal);
  if (turn.kind === "found")
    return answered(ports, place, turn, () => refreshLater(ports, place, turn, refreshMs, send));
  const known = turn.known ?? found?.entry ?? null;
  const limits = { timeoutMs: Math.max(0, endsAtMs - ports.now()), signal };
  const outcome = await askInTurn(ports, place, { known, ticket: turn.ticket }, limits, send);
  return typeof looked === "string" ? { ...outcome, cacheFault: looked } : outcome;
}

/** Where this call's result is kept, or null when it may not be. */
async function placeOf(
  ports: ToolPorts,
  { tool, call, secrets }: CachedTask,
  signal: AbortSignal,
): Promise<Place | null> {
  const { cache, effect } = tool.definition;
  if (ports.cache === null || cache === undefined || (effect !== "pure" && effect !== "read"))
    return null;
  const credentials = Object.fromEntries(
    [...secrets].map((name) => [name, ports.credentials.get(name) ?? ""]),
  );
  const locale = variesByLocale(cache) ? ports.locale : "";
  const { scope, results } = ports.cache;
  const generation = await results.generation(tool.name, cache.tags ?? [], signal);
  if (generation === null) return null;
  const inputs = { arguments: call.arguments, locale, credentials, generation };
  const key = await resultKey(scope, tool, inputs);
  return { results, key, tool: `${scope}/${tool.name}`, rules: cache };
}

/** The outcome of what was found; `refresh` is called when it is to be asked for anew. */
function answered(
  ports: ToolPorts,
  { results, key }: Place,
  { entry, layer }: Found,
  refresh: () => void,
): CallOutcome {
  const nowMs = ports.now();
  const outcome = { ...outcomeOf(entry), cacheLayer: layer, attempts: 0 };
  // What others were told is the answer of now, also when it may not be kept.
  const isFresh = nowMs < entry.expiresAtMs || layer === "flight";
  if (layer !== "flight" && (!isFresh || results.isDrawn(entry))) refresh();
  if (isFresh) return { ...outcome, cache: "hit" };
  const isDegraded = outcome.status === "succeeded" && results.isFailing(key);
  return { ...outcome, ...(isDegraded && { status: "degraded" as const }), cache: "stale" };
}

/** The call was aborted, or its time was over, while another one was asking for it. */
function leftWaiting(call: PlannedCall, signal: AbortSignal): CallOutcome {
  const failure = signal.aborted
    ? ({ kind: "cancelled", sent: false } as const)
    : ({ kind: "timeout", sent: true } as const);
  return { ...classifyFailure(call, failure), cache: "miss", attempts: 0 };
}

interface TurnTaken {
  /** What the tool may be asked to confirm. */
  readonly known: CacheEntry | null;
  /** Others may wait for what comes of it. */
  readonly ticket: string | null;
}

/** Sends the call and tells those who wait for it. */
async function askInTurn(
  ports: ToolPorts,
  place: Place,
  { known, ticket }: TurnTaken,
  limits: Omit<SendLimits, "validators">,
  send: SendCall,
): Promise<CallOutcome> {
  const { results } = place;
  try {
    const asked = await ask(ports, place, known, limits, send);
    const { outcome, entry, isAnswered } = asked;
    if (entry !== null) results.keep(place, entry, ticket);
    // What was kept does not hold any more, and nothing may take its place.
    else if (known !== null && isAnswered) results.keep(place, nothing(ports.now()), null);
    if (entry === null && ticket !== null) handOn(place, asked, ticket, ports.now());
    return outcome;
  } catch (bug) {
    if (ticket !== null) results.leave(place, ticket, false);
    throw bug;
  }
}

/** Nothing is kept: a failure of the tool is everybody's, an answer that may not be kept nobody else's, the rest this call's. */
function handOn(place: Place, { outcome, isAnswered }: Asked, ticket: string, nowMs: number): void {
  const error = outcome.error === undefined ? null : keptError(outcome.error);
  if (error === null) return place.results.leave(place, ticket, isAnswered);
  const until = { expiresAtMs: nowMs, staleUntilMs: nowMs, keptUntilMs: nowMs };
  const entry = { kept: { error }, ...until, costMs: 1, validators: NO_VALIDATORS };
  place.results.share(place, entry, ticket);
}

/** Sends the call; `entry` is what may be kept of it. */
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
    ? confirmedEntry(place.rules, known, sent.answer.headers, taken)
    : newEntry(place.rules, sent.outcome, sent.answer, taken);
  const { attempts } = sent.outcome;
  const outcome: CallOutcome = isConfirmed
    ? { ...outcomeOf(known), cache: "revalidated", attempts }
    : { ...sent.outcome, cache: "miss" };
  return { outcome, entry, isAnswered: hasSpoken(sent.outcome, sent.answer) };
}

interface Asked {
  readonly outcome: CallOutcome;
  readonly entry: CacheEntry | null;
  readonly isAnswered: boolean;
}

/** By invocation, which is by its ports: the end of the refreshes that are under way, and how many there are. */
const waiting = new WeakMap<ResultCache, { last: Promise<unknown>; count: number }>();

/** Asks for a result anew, in the background. Nobody else of this isolate does so meanwhile. */
function refreshLater(
  ports: ToolPorts,
  place: Place,
  { entry }: Found,
  timeoutMs: number,
  send: SendCall,
): void {
  const { results, key } = place;
  const queue = waiting.get(results) ?? { last: Promise.resolve(), count: 0 };
  if (queue.count >= MAX_WAITING_REFRESHES) return;
  if (!results.claimRefresh(key, timeoutMs)) return;
  const { beforeLongAnswer: _slot, onProgress: _reader, ...own } = ports;
  const refresh = async (): Promise<void> => {
    const isRefreshed = await refreshNow(own, place, entry, timeoutMs, send).catch(() => false);
    queue.count -= 1;
    results.endRefresh(key, isRefreshed);
  };
  queue.count += 1;
  queue.last = queue.last.then(refresh);
  waiting.set(results, queue);
  results.defer(queue.last);
}

/** True when there is a newer result, or the tool has said that there is none. */
async function refreshNow(
  ports: ToolPorts,
  place: Place,
  entry: CacheEntry,
  timeoutMs: number,
  send: SendCall,
): Promise<boolean> {
  if (await place.results.newer(place, entry)) return true;
  const asked = await ask(ports, place, entry, { timeoutMs, signal: NEVER }, send);
  if (asked.entry !== null) place.results.keep(place, asked.entry, null);
  else if (asked.isAnswered) place.results.keep(place, nothing(ports.now()), null);
  return asked.isAnswered;
}

/** A refresh has no client that could leave; its timeout ends it. */
const NEVER = new Abort().signal;
