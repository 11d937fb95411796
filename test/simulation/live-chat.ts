/** Lives through a conversation, from its first life to its end. */

import { ChatLife, type ChatLifeLog, STARTED_AT_MS } from "./chat-life.ts";
import type { ChatWorld } from "./chat-world.ts";
import type { Core } from "./core.ts";
import type { Incident } from "./incidents.ts";
import type { Line } from "./storage.ts";
import type { FaultCount } from "./tool-servers.ts";
import type { Trace } from "./trace.ts";

/** A conversation that has ended, or never did. */
export interface LivedChat {
  readonly lives: readonly ChatLifeLog[];
  readonly hasEnded: boolean;
  readonly steps: number;
  readonly deadlineAtMs: number;
  readonly happened: readonly Incident["kind"][];
}

/** Lives the conversation of `world` to its end. */
export async function liveChat(
  world: ChatWorld,
  core: Core,
  trace: Trace,
  faults: FaultCount,
): Promise<LivedChat> {
  const incidents = [...world.incidents];
  const happened: Incident["kind"][] = [];
  const lives: ChatLifeLog[] = [];
  let lines: readonly Line[] = [];
  let nowMs = STARTED_AT_MS;
  let steps = 0;
  for (;;) {
    const life = new ChatLife(world, core, trace, faults, nowMs, lines);
    const end = await life.toTheEnd(incidents, happened, steps);
    lives.push(life);
    steps = end.steps;
    if (end.how !== "crash") {
      const hasEnded = end.how === "end";
      const deadlineAtMs = STARTED_AT_MS + world.deadlineMs;
      return { lives, hasEnded, steps, deadlineAtMs, happened };
    }
    lines = life.survivors();
    nowMs = life.nowMs + end.downMs;
    trace.life += 1;
  }
}
