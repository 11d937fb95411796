/**
 * Lives through a run of calls, from its first life to its end. A crash drops everything but the storage; the next life
 * takes the run up.
 */

import type { RunReport } from "../../src/contract/run.ts";
import { CallsLife, STARTED_AT_MS } from "./calls-life.ts";
import type { CallsWorld } from "./calls-world.ts";
import type { Core } from "./core.ts";
import type { Incident } from "./incidents.ts";
import type { Line } from "./storage.ts";
import type { FaultCount } from "./tool-servers.ts";
import type { Trace } from "./trace.ts";

/** A run that has ended, or never did. */
export interface LivedCalls {
  /** What the core said in the last life; null when it did not end. */
  readonly report: RunReport | null;
  /** What the last life found in storage. */
  readonly lines: readonly Line[];
  readonly lives: number;
  readonly steps: number;
  /** When the run began, and when nothing more may be sent. */
  readonly deadlineAtMs: number;
  /** Incidents that happened, by kind. */
  readonly happened: readonly Incident["kind"][];
}

/** Lives the run of `world` to its end. */
export async function liveCalls(
  world: CallsWorld,
  core: Core,
  trace: Trace,
  faults: FaultCount,
): Promise<LivedCalls> {
  const incidents = [...world.incidents];
  const happened: Incident["kind"][] = [];
  let lines: readonly Line[] = [];
  let steps = 0;
  let nowMs = STARTED_AT_MS;
  for (;;) {
    const life = new CallsLife(world, core, trace, faults, { nowMs, lines });
    const end = await life.toTheEnd(incidents, happened, steps);
    steps = end.steps;
    if (!end.isCrash)
      return {
        report: end.report,
        lines,
        lives: trace.life,
        steps,
        deadlineAtMs: STARTED_AT_MS + world.deadlineMs,
        happened,
      };
    lines = end.lines;
    nowMs = end.nowMs;
    trace.life += 1;
  }
}
