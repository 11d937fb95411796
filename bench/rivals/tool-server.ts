/**
 * The tools of the comparison: `POST /<tool>` with arguments as JSON answers after that call's own time. Every
 * call is noted, so that each contestant can be held to exactly the calls of the plan.
 */

import { setTimeout as sleep } from "node:timers/promises";

import { parseObject } from "../../dev/http/json.ts";
import { listen, type Listening } from "../../dev/http/listen.ts";
import { canonical, toolAnswer, toolSeconds } from "./latency.ts";

/** A tool server that notes what it is asked. */
export interface PlayedTools extends Listening {
  /** Times of calls depend on this text. */
  setSeed(this: void, seed: string): void;
  /** `tool arguments` of every call since the last time, in canonical form. */
  takeCalls(this: void): readonly string[];
}

/** A call as it is noted. */
export function noteOf(tool: string, values: unknown): string {
  return `${tool} ${canonical(values)}`;
}

/** Starts the tools on a free port; `scale` divides their times, `outputs` are the members each tool answers. */
export async function startPlayedTools(
  scale: number,
  outputs: ReadonlyMap<string, readonly string[]>,
): Promise<PlayedTools> {
  let seed = "";
  let calls: string[] = [];
  const server = await listen(0, async ({ url, body, response, signal }) => {
    const tool = url.pathname.slice(1);
    const values = parseObject(body);
    const text = canonical(values);
    calls.push(noteOf(tool, values));
    try {
      await sleep((toolSeconds(seed, tool, text) * 1000) / scale, undefined, { signal });
    } catch {
      // The caller left.
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(toolAnswer(tool, text, outputs.get(tool) ?? ["value"])));
  });
  return {
    ...server,
    setSeed: (text) => {
      seed = text;
    },
    takeCalls: () => {
      const taken = calls;
      calls = [];
      return taken;
    },
  };
}
