import { env } from "cloudflare:workers";
import { inject } from "vitest";
import { describe, expect, it } from "vitest";

import { cancelRun, startRun, type RunCaller } from "../../src/assembly/start-run.ts";
import type { RunEvent, RunReport, RunRequest } from "../../src/contract/run.ts";
import { collect, httpTool, newCaller, type CallerOptions } from "../support/run-fixture.ts";

const NEVER = new AbortController().signal;
const NO_KEY = { idempotencyKey: null };

function sleeper(group: string) {
  const properties = { ms: { type: "integer" }, n: { type: "integer" } };
  return httpTool("sleep", `/sleep/{ms}?k=${group}`, properties);
}

function sleeps(count: number, ms: number, more: Partial<RunRequest> = {}): RunRequest {
  const calls = Array.from({ length: count }, (_, n) => ({ tool: "sleep", arguments: { ms, n } }));
  return { calls, mode: "parallel", stream: false, ...more };
}

async function started(caller: RunCaller, request: RunRequest, signal: AbortSignal = NEVER) {
  const run = await startRun(env, caller, request, NO_KEY, signal);
  if (!run.ok) throw new Error(run.error.code);
  return run.value;
}

function reportOf(events: readonly RunEvent[]): RunReport {
  const last = events.at(-1);
  if (last?.type !== "run.completed") throw new Error(`ended with ${last?.type}`);
  return last.report;
}

async function inFlight(group: string): Promise<{ open: number; peak: number; aborted: number }> {
  const response = await fetch(`${inject("servers")["tools"]}/_stats`);
  const stats = await response.json<{
    keys: Record<string, { open: number; peak: number; aborted: number }>;
  }>();
  return stats.keys[group] ?? { open: 0, peak: 0, aborted: 0 };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 5_000; waited += 20) {
    if (await condition()) return;
    await scheduler.wait(20);
  }
  throw new Error("the condition never came true");
}

async function sleepingCaller(group: string, options: CallerOptions = {}): Promise<RunCaller> {
  return newCaller({ tools: [sleeper(group)], ...options });
}

describe("startRun", () => {
  it("runs five calls in this invocation and says so", async () => {
    const caller = await sleepingCaller("five");
    const report = reportOf(await collect((await started(caller, sleeps(5, 50))).events));
    expect(report).toMatchObject({ status: "completed", shards: 1 });
    expect((await inFlight("five")).peak).toBeLessThanOrEqual(5);
  });

  it("spreads more than five calls over shards of five and merges in call order", async () => {
    const caller = await sleepingCaller("spread");
    const report = reportOf(await collect((await started(caller, sleeps(12, 200))).events));
    expect(report).toMatchObject({ status: "completed", shards: 3 });
    expect(report.results.map((result) => result.id)).toEqual(
      Array.from({ length: 12 }, (_, index) => `call_${index + 1}`),
    );
    const { peak } = await inFlight("spread");
    expect(peak).toBeGreaterThan(5);
    expect(peak).toBeLessThanOrEqual(15);
  });

  it("never has more in flight than max_parallel", async () => {
    const caller = await sleepingCaller("capped");
    await collect((await started(caller, sleeps(20, 40, { max_parallel: 7 }))).events);
    expect((await inFlight("capped")).peak).toBeLessThanOrEqual(7);
  });

  it("does not offer a key the tools it may not use", async () => {
    const caller = await sleepingCaller("forbidden", { allowedTools: ["other"] });
    const run = await startRun(env, caller, sleeps(1, 10), NO_KEY, NEVER);
    expect(run).toMatchObject({
      ok: false,
      error: { code: "unprocessable", violations: [{ pointer: "/calls/0/tool" }] },
    });
  });

  it.each([
    ["in this invocation", 5],
    ["over shards", 12],
  ])("aborts every open request when the signal aborts, %s", async (where, count) => {
    const group = `abort-${count}`;
    const caller = await sleepingCaller(group);
    const leave = new AbortController();
    const run = await started(caller, sleeps(count, 20_000), leave.signal);
    const events = collect(run.events);
    await until(async () => (await inFlight(group)).open === count);
    leave.abort();
    expect(reportOf(await events), where).toMatchObject({ status: "cancelled" });
    await run.ended;
    await until(async () => (await inFlight(group)).open === 0);
    expect((await inFlight(group)).aborted).toBe(count);
  });

  it("aborts every open request when the reader leaves early", async () => {
    const caller = await sleepingCaller("left");
    const run = await started(caller, sleeps(8, 20_000));
    const events = run.events[Symbol.asyncIterator]();
    await events.next();
    await until(async () => (await inFlight("left")).open === 8);
    await events.return?.();
    await run.ended;
    await until(async () => (await inFlight("left")).open === 0);
    expect((await inFlight("left")).aborted).toBe(8);
  });
});

describe("cancelRun", () => {
  it("cancels a streamed run by its id from another request", async () => {
    const caller = await sleepingCaller("cancelled");
    const run = await started(caller, sleeps(6, 20_000, { stream: true }));
    const events = collect(run.events);
    await until(async () => (await inFlight("cancelled")).open === 6);
    expect(await cancelRun(env, caller, run.id, null)).toEqual({ ok: true, value: null });
    expect(reportOf(await events)).toMatchObject({ status: "cancelled" });
    await until(async () => (await inFlight("cancelled")).open === 0);
  });

  it("does not find a run that has ended, another tenant's, or a made-up id", async () => {
    const caller = await sleepingCaller("ended");
    const run = await started(caller, sleeps(1, 10, { stream: true }));
    await collect(run.events);
    await run.ended;
    await scheduler.wait(50);
    const notFound = { ok: false, error: { code: "not_found" } };
    expect(await cancelRun(env, caller, run.id, null)).toEqual(notFound);
    expect(await cancelRun(env, caller, "run_nothing", null)).toEqual(notFound);

    const other = await started(caller, sleeps(1, 500, { stream: true }));
    const events = collect(other.events);
    expect(await cancelRun(env, await newCaller(), other.id, null)).toEqual(notFound);
    expect(reportOf(await events)).toMatchObject({ status: "completed" });
  });
});
