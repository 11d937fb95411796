/** An open load: requests come at random times, whether or not earlier ones were answered; each says how it ended. */

import type { Agent } from "node:http";

import { epochMs, pause } from "../bench.ts";
import { ask, type Sent } from "../http.ts";
import { seededRandom } from "../statistics.ts";

/** How a request ended. Times are of the epoch, ms. */
export interface RequestEnd {
  readonly kind: string;
  readonly status: number;
  readonly sentMs: number;
  readonly endedMs: number;
}

/** A load. */
export interface Load {
  readonly url: string;
  /** Of each kind: what is sent, and how many a second. */
  readonly kinds: readonly {
    readonly kind: string;
    readonly perSecond: number;
    readonly sent: Sent;
  }[];
  readonly durationMs: number;
  readonly seed: number;
  readonly agent: Agent;
}

/** Sends it, and waits until all have ended. */
export async function sendLoad(load: Load): Promise<readonly RequestEnd[]> {
  const { url, kinds, durationMs, seed, agent } = load;
  const random = seededRandom(seed);
  const ends: RequestEnd[] = [];
  const open: Promise<void>[] = [];
  const one = async (kind: string, sent: Sent): Promise<void> => {
    const sentMs = epochMs();
    const { status } = await ask(url, { method: "POST", ...sent }, agent);
    ends.push({ kind, status, sentMs, endedMs: epochMs() });
  };
  const startedMs = epochMs();
  const due = kinds.map(({ kind, perSecond, sent }) => ({
    gapMs: () => (-Math.log(1 - random()) * 1000) / perSecond,
    next: 0,
    send: () => one(kind, sent),
  }));
  for (let nowMs = 0; nowMs < durationMs; nowMs = epochMs() - startedMs) {
    for (const stream of due) {
      for (; stream.next <= nowMs; stream.next += stream.gapMs()) open.push(stream.send());
    }
    await pause(2);
  }
  await Promise.all(open);
  return ends;
}
