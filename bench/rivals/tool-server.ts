/**
 * The tools of the comparison: `POST /<tool>` with arguments as JSON answers after that request's own time; asked again for
 * the same, it takes another one. Every request is noted, so that each contestant can be held to exactly the calls of the plan.
 */

import { setTimeout as sleep } from "node:timers/promises";

import { parseObject } from "../../dev/http/json.ts";
import { listen, type Listening } from "../../dev/http/listen.ts";
import { canonical, toolAnswer, toolSeconds } from "./latency.ts";

/** A tool server that notes what it is asked. */
export interface PlayedTools extends Listening {
  /** Times of calls depend on this text. */
  setSeed(this: void, seed: string): void;
  /** `tool arguments` of every request since the last time, in canonical form. What was asked before is then forgotten. */
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
  let asked = new Map<string, number>();
  const server = await listen(0, async ({ url, body, response, signal }) => {
    const tool = url.pathname.slice(1);
    const values = parseObject(body);
    const text = canonical(values);
    const note = noteOf(tool, values);
    calls.push(note);
    const request = asked.get(note) ?? 0;
    asked.set(note, request + 1);
    try {
      const seconds = toolSeconds(seed, tool, text, request);
      await sleep((seconds * 1000) / scale, undefined, { signal });
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
      asked = new Map();
      return taken;
    },
  };
}
