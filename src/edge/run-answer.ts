/**
 * Runs on the wire: the answer of `POST /v1/runs` and the events of its stream, as SSE or NDJSON.
 *
 * A tool's output is JSON text already and is spliced in as it is: parsing and writing it again would cost more than
 * everything else here.
 */

import type { AggregateReport } from "../contract/branch.ts";
import { isFromCache } from "../contract/cache.ts";
import {
  hasResult,
  type CallResult,
  type KeptOutput,
  type RunEvent,
  type RunReport,
} from "../contract/run.ts";

/** A finished run as JSON text. */
export function runAnswer(report: RunReport): string {
  const succeeded = report.results.filter(hasResult).length;
  const efficiency = report.durationMs > 0 ? report.criticalPathMs / report.durationMs : 1;
  const rest = {
    critical_path_ms: Math.round(report.criticalPathMs),
    duration_ms: Math.round(report.durationMs),
    sequential_ms: Math.round(report.sequentialMs),
    parallel_efficiency: hundredths(Math.min(1, efficiency)),
    success_rate: hundredths(succeeded / report.results.length),
    shards: report.shards,
    ...(report.branches !== undefined && { branches: report.branches }),
    ...(report.debug !== undefined && { debug: report.debug }),
    usage: {
      calls: report.results.length,
      attempts: sum(report.results.map((result) => result.attempts)),
      cache_hits: report.results.filter(({ cache }) => isFromCache(cache)).length,
      ...cacheCounts(report.results),
    },
  };
  const head = JSON.stringify({ id: report.id, object: "run", status: report.status });
  const { aggregate, debug } = report;
  const results = report.results.map((result) => resultText(result, debug !== undefined));
  const value = aggregate === undefined ? "" : `,"aggregate":${aggregateText(aggregate)}`;
  return `${head.slice(0, -1)},"results":[${results.join(",")}]${value},${JSON.stringify(rest).slice(1)}`;
}

/** How many results each layer of the cache gave, and how many kept values were passed over, and why; nothing when none. */
function cacheCounts(results: readonly CallResult[]): object {
  const layers = counted(results.map(({ cacheLayer }) => cacheLayer));
  const faults = counted(results.map(({ cacheFault }) => cacheFault));
  return { ...(layers && { cache_layers: layers }), ...(faults && { cache_ignored: faults }) };
}

function counted(words: readonly (string | undefined)[]): Readonly<Record<string, number>> | null {
  const counts: Record<string, number> = {};
  for (const word of words) if (word !== undefined) counts[word] = (counts[word] ?? 0) + 1;
  return Object.keys(counts).length === 0 ? null : counts;
}

function aggregateText({ outputJson, conflicts, ...rest }: AggregateReport): string {
  const output = outputJson === undefined ? "" : `,"output":${outputJson}`;
  const listed = conflicts?.map((conflict) => ({ ...conflict, key: keyOf(conflict) }));
  const end = JSON.stringify(listed === undefined ? {} : { conflicts: listed });
  const comma = end === "{}" ? "" : ",";
  return `${JSON.stringify(rest).slice(0, -1)}${output}${comma}${end.slice(1)}`;
}

/** The key as the JSON it is. */
function keyOf({ key }: { readonly key: string }): unknown {
  const value: unknown = JSON.parse(key);
  return value;
}

/** Writes a run's events as Server-Sent Events, numbered from 1. */
export function createSseEncoder(): (event: RunEvent) => string {
  let position = 0;
  return (event) => {
    position++;
    return sseEvent(position, event);
  };
}

/** Writes one of a run's events as a Server-Sent Event whose id is its position. */
export function sseEvent(position: number, event: RunEvent): string {
  return `id: ${position}\nevent: ${event.type}\ndata: ${eventText(event)}\n\n`;
}

/** Writes one of a run's events as a line of NDJSON. */
export function ndjsonLine(event: RunEvent): string {
  return `${eventText(event)}\n`;
}

function eventText(event: RunEvent): string {
  const type = `{"type":"${event.type}",`;
  switch (event.type) {
    case "run.created":
      return `${type}"id":"${event.run}","object":"run","calls":${String(event.calls)}}`;
    case "call.queued":
      return `${type}${JSON.stringify({ id: event.id, tool: event.tool }).slice(1)}`;
    case "call.started":
      return `${type}${JSON.stringify({ id: event.id, tool: event.tool, started_ms: Math.round(event.startedMs) }).slice(1)}`;
    case "call.progress":
      return `${type}${JSON.stringify({ id: event.id, tool: event.tool, ...event.progress }).slice(1)}`;
    case "call.completed":
    case "call.failed":
    case "call.cancelled":
      return `${type}${resultText(event.result).slice(1)}`;
    case "run.failed":
      return `${type}${JSON.stringify({ id: event.run, code: event.code }).slice(1)}`;
    case "run.completed":
      break;
  }
  return `${type}${runAnswer(event.report).slice(1)}`;
}

/** One call's line. Only `output` is not known to be short. */
function resultText(result: CallResult, isDebug = false): string {
  const head = JSON.stringify({ id: result.id, tool: result.tool, status: result.status });
  const output = result.outputJson === undefined ? "" : `,"output":${result.outputJson}`;
  const rest = JSON.stringify({
    ...(result.kept !== undefined && { kept: keptText(result.kept) }),
    ...(result.error !== undefined && { error: result.error }),
    cache: result.cache,
    attempts: result.attempts,
    ...(isDebug && result.choice !== undefined && { choice: result.choice }),
    hedged: result.hedged === true,
    queued_ms: Math.round(result.queuedMs),
    started_ms: Math.round(result.startedMs),
    duration_ms: Math.round(result.durationMs),
  });
  return `${head.slice(0, -1)}${output},${rest.slice(1)}`;
}

function keptText({ handle, bytes, heldBytes }: KeptOutput): object {
  return { handle, bytes, held_bytes: heldBytes };
}

function hundredths(share: number): number {
  return Math.round(share * 100) / 100;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
