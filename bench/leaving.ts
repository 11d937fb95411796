/**
 * One run that is ended early in one way, and when the tool server saw its requests go.
 *
 * Moments are taken on the clock the tool server uses. The deadline counts from before the request was sent, so a slow
 * way in makes the gateway look late, never early.
 */

import type { IncomingMessage } from "node:http";

import { epochMs, pause, until } from "./bench.ts";
import { open, type Exchange } from "./http.ts";
import type { World } from "./world.ts";

/** How a run ends before its calls do. */
export type Ending = "deadline" | "cancel" | "reset" | "close";

/** One run to be ended. */
export interface Plan {
  readonly ending: Ending;
  readonly stream: boolean;
  /** Calls, all in flight at once. */
  readonly calls: number;
  /** Calls that finish well before the end and must be in the answer. */
  readonly quickCalls: number;
  /** Until the end, milliseconds after sending. Null: as soon as every call is in flight (not for a deadline). */
  readonly afterMs: number | null;
}

/** What was seen of an ended run. Milliseconds after the moment it should have ended. */
export interface Seen {
  /** The last request at the tool server to be aborted. NaN when none was open. */
  readonly lastAbortMs: number;
  /** The end of the answer; NaN when the client did not wait for one. */
  readonly answerMs: number;
  /** The answer, "" without one. */
  readonly text: string;
}

/** Longer than any run here is let live. */
const CALL_MS = 20_000;
const QUICK_MS = 20;
const GIVE_UP_MS = 10_000;

async function textOf(response: Promise<IncomingMessage>): Promise<string> {
  const parts: Uint8Array[] = [];
  try {
    for await (const chunk of await response) if (chunk instanceof Uint8Array) parts.push(chunk);
  } catch {
    // The connection was ended on purpose; what arrived before is all there is.
  }
  return Buffer.concat(parts).toString("utf8");
}

/** Reads a stream until it names its run; the stream goes on being read so that nothing blocks it. */
async function runIdOf(exchange: Exchange): Promise<string> {
  const response = await exchange.response;
  return new Promise((resolve, reject) => {
    let text = "";
    response.on("data", (chunk: Uint8Array) => {
      text += Buffer.from(chunk).toString("utf8");
      const id = /"(run_[0-9A-Za-z]{22})"/.exec(text)?.[1];
      if (id !== undefined) resolve(id);
    });
    response.once("close", () => {
      reject(new Error(`a stream ended without naming its run: ${text.slice(0, 300)}`));
    });
    response.on("error", () => undefined);
  });
}

function start(world: World, plan: Plan, deadlineMs: number): Exchange {
  const slow = Array.from({ length: plan.calls }, (_, n) => ({
    tool: "sleep",
    arguments: { ms: CALL_MS, k: "slow", n },
  }));
  const quick = Array.from({ length: plan.quickCalls }, (_, n) => ({
    tool: "sleep",
    arguments: { ms: QUICK_MS, k: "quick", n },
  }));
  const calls = [...quick, ...slow];
  return open(`${world.baseUrl}/v1/runs`, {
    method: "POST",
    headers: world.headers,
    body: {
      calls,
      stream: plan.stream,
      deadline_ms: deadlineMs,
      max_parallel: Math.min(155, calls.length),
    },
  });
}

/** Ends a run that has been started, and says when. */
async function end(world: World, plan: Plan, exchange: Exchange): Promise<number> {
  const runId = plan.ending === "cancel" ? await runIdOf(exchange) : "";
  if (plan.afterMs === null) await until(() => openSlow(world) >= plan.calls, GIVE_UP_MS);
  else await pause(plan.afterMs);
  const endedAt = epochMs();
  if (plan.ending === "reset") exchange.reset();
  if (plan.ending === "close") exchange.close();
  if (plan.ending === "cancel") {
    const answer = await world.send("POST", `/v1/runs/${runId}/cancel`, {});
    if (answer.status !== 200)
      throw new Error(`cancel: ${answer.status} ${answer.text.slice(0, 300)}`);
  }
  return endedAt;
}

function openSlow(world: World): number {
  return world.traffic().keys["slow"]?.open ?? 0;
}

/** Carries a plan out, alone, and waits until the tool server has nothing open. */
export async function carryOut(world: World, plan: Plan): Promise<Seen> {
  await world.resetTraffic();
  const isDeadline = plan.ending === "deadline";
  const sentAt = epochMs();
  const exchange = start(world, plan, isDeadline ? (plan.afterMs ?? 500) : 60_000);
  const answer = isDeadline ? textOf(exchange.response) : Promise.resolve("");
  const endedAt = isDeadline ? sentAt + (plan.afterMs ?? 500) : await end(world, plan, exchange);
  const text = await answer;
  const answerMs = isDeadline ? epochMs() - endedAt : Number.NaN;
  await until(() => world.traffic().open === 0, GIVE_UP_MS);
  exchange.close();
  const lastAbort = Math.max(...world.traffic().aborts.map(({ at }) => at));
  return {
    lastAbortMs: Number.isFinite(lastAbort) ? lastAbort - endedAt : Number.NaN,
    answerMs,
    text,
  };
}

/** Carries a plan out among others: nothing is measured, and whatever it leaves open will be counted at the end. */
export async function carryOutAmongOthers(world: World, plan: Plan): Promise<void> {
  const exchange = start(world, plan, plan.ending === "deadline" ? (plan.afterMs ?? 500) : 60_000);
  if (plan.ending === "deadline") await textOf(exchange.response);
  else await end(world, plan, exchange);
  if (plan.ending === "cancel") await pause(50);
  exchange.close();
}
