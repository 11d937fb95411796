/**
 * One simulated world from its seed: most are runs of calls, the others conversations. Everything of a world follows from
 * its seed, so a violation is repeated with `npm run bench -- simulation --seed=<seed>`.
 */

import { checkCalls } from "./calls-rules.ts";
import { liveCalls } from "./live-calls.ts";
import { drawCallsWorld } from "./calls-world.ts";
import { liveChat } from "./live-chat.ts";
import { checkChat } from "./chat-rules.ts";
import { drawChatWorld } from "./chat-world.ts";
import type { Core } from "./core.ts";
import type { Incident } from "./incidents.ts";
import type { FaultCount } from "./tool-servers.ts";
import { Trace, type Violation } from "./trace.ts";

/** What one world came to. */
export interface Simulated {
  readonly seed: number;
  readonly kind: "calls" | "chat";
  readonly violations: readonly Violation[];
  readonly lives: number;
  readonly steps: number;
  /** Requests that left for tools. */
  readonly sent: number;
  readonly faults: FaultCount;
  readonly happened: readonly Incident["kind"][];
}

/** Every so many worlds, two are conversations. */
const CHAT_EVERY = 5;

/** Incidents in place of those of the world. */
export type Incidents = readonly Incident[];

/** Simulates the world of `seed`; `incidents` replace its own. */
export async function simulate(
  seed: number,
  core: Core,
  incidents?: Incidents,
): Promise<Simulated> {
  const trace = new Trace();
  const faults: FaultCount = { lost: 0, failed: 0, deaf: 0, broken: 0 };
  const kind = seed % CHAT_EVERY < 2 ? "chat" : "calls";
  const lived =
    kind === "chat"
      ? await chat(seed, core, trace, faults, incidents)
      : await calls(seed, core, trace, faults, incidents);
  return {
    seed,
    kind,
    violations: trace.violations,
    lives: trace.life,
    steps: lived.steps,
    sent: trace.all("sent").length,
    faults,
    happened: lived.happened,
  };
}

async function chat(
  seed: number,
  core: Core,
  trace: Trace,
  faults: FaultCount,
  incidents?: Incidents,
) {
  const drawn = drawChatWorld(seed);
  const world = { ...drawn, ...(incidents !== undefined && { incidents }) };
  const lived = await liveChat(world, core, trace, faults);
  checkChat(world, trace, lived);
  return lived;
}

async function calls(
  seed: number,
  core: Core,
  trace: Trace,
  faults: FaultCount,
  incidents?: Incidents,
) {
  const drawn = drawCallsWorld(seed);
  const world = { ...drawn, ...(incidents !== undefined && { incidents }) };
  const lived = await liveCalls(world, core, trace, faults);
  checkCalls(world, trace, lived);
  return lived;
}
