/**
 * How long each tool of each tenant takes, as this isolate has measured it lately.
 *
 * The scheduler starts the call with the longest remaining chain first and splits deadlines by these figures. They are an
 * isolate cache: losing them costs a worse order of starting until a few calls were made, never a wrong result.
 */

import { QuantileSketch, type SketchRange } from "../algorithms/quantile-sketch.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import { isFromCache } from "../contract/cache.ts";
import type { CallOutcome } from "../contract/run.ts";
import type { Clock, Lane, LanePool } from "../orchestration/ports.ts";

/** A figure is off by at most a twentieth; a measurement counts half after ten minutes. */
const LATENCY: SketchRange = {
  relativeError: 0.05,
  least: 1,
  most: 300_000,
  halfLifeMs: 600_000,
};

/** Tools measured at once; each takes about a kilobyte. */
export const MAX_MEASURED_TOOLS = 2_000;

/** A tool that was not called for so long is forgotten. */
const FORGOTTEN_AFTER_MS = 3_600_000;

/** What a tool is taken to need before it was ever measured. */
export const UNMEASURED_MS = 500;

/** A call takes no longer than this in so many of its cases. */
const EXPECTED_QUANTILE = 0.95;

/** Isolate cache, by tenant and tool. */
const sketches = new BoundedMap<string, QuantileSketch>(MAX_MEASURED_TOOLS);

/** What a call of a tool of this tenant takes at most in 95 of 100 cases, ms. */
export function expectedMsOf(tenantId: string, clock: Clock): (tool: string) => number {
  return (tool) =>
    sketches.get(nameOf(tenantId, tool), clock.now())?.quantile(EXPECTED_QUANTILE) ?? UNMEASURED_MS;
}

/** What a call of a tool of this tenant takes in half of the cases, ms; null when it was not measured. */
export function typicalMsOf(tenantId: string, clock: Clock): (tool: string) => number | null {
  return (tool) => sketches.get(nameOf(tenantId, tool), clock.now())?.quantile(0.5) ?? null;
}

/** The same lanes, with every call that went to its tool measured. */
export function measuredLanes(pool: LanePool, tenantId: string, clock: Clock): LanePool {
  const measured = new Map<Lane, Lane>();
  const measure = (lane: Lane): Lane => {
    const known = measured.get(lane);
    if (known !== undefined) return known;
    const made: Lane = {
      slots: lane.slots,
      async run(call, timeoutMs, signal, onProgress) {
        const startedAtMs = clock.now();
        const outcome = await lane.run(call, timeoutMs, signal, onProgress);
        const nowMs = clock.now();
        if (wasMade(outcome)) observe(nameOf(tenantId, call.tool), nowMs - startedAtMs, nowMs);
        return outcome;
      },
    };
    measured.set(lane, made);
    return made;
  };
  return { lanes: (calls) => pool.lanes(calls).map(measure), close: () => pool.close() };
}

/** True when the time a call took says something about its tool: an answer came, or none came in time. */
function wasMade({ status, cache }: CallOutcome): boolean {
  return !isFromCache(cache) && (status === "succeeded" || status === "timeout");
}

function observe(name: string, durationMs: number, nowMs: number): void {
  const sketch = sketches.get(name, nowMs) ?? new QuantileSketch(LATENCY);
  sketch.add(durationMs, nowMs);
  sketches.set(name, sketch, nowMs + FORGOTTEN_AFTER_MS);
}

function nameOf(tenantId: string, tool: string): string {
  return `${tenantId}/${tool}`;
}
