import { describe, expect, it } from "vitest";

import type { CallResult, RunEvent, RunReport } from "../../src/contract/run.ts";
import { createSseEncoder, ndjsonLine, runAnswer } from "../../src/edge/run-answer.ts";

const FLIGHT: CallResult = {
  id: "flight",
  tool: "search_flights",
  status: "succeeded",
  outputJson: '{"price":1.50,"note":"\\u2028"}',
  cache: "hit",
  attempts: 0,
  queuedMs: 0.4,
  startedMs: 3,
  durationMs: 211.6,
};
const HOTEL: CallResult = {
  id: "hotel",
  tool: "find_hotel",
  status: "timeout",
  error: { code: "tool_timeout", message: "…", retry_after_ms: 5 },
  cache: "miss",
  attempts: 1,
  queuedMs: 1,
  startedMs: 2,
  durationMs: 300,
};
const REPORT: RunReport = {
  id: "run_1",
  status: "partial",
  results: [FLIGHT, HOTEL],
  criticalPathMs: 431,
  durationMs: 436,
  sequentialMs: 720.2,
  shards: 1,
};

const HOTEL_LINE = {
  id: "hotel",
  tool: "find_hotel",
  status: "timeout",
  error: HOTEL.error,
  cache: "miss",
  attempts: 1,
  hedged: false,
  queued_ms: 1,
  started_ms: 2,
  duration_ms: 300,
};
const ANSWER = {
  id: "run_1",
  object: "run",
  status: "partial",
  results: [
    {
      id: "flight",
      tool: "search_flights",
      status: "succeeded",
      output: { price: 1.5, note: "\u2028" },
      cache: "hit",
      attempts: 0,
      hedged: false,
      queued_ms: 0,
      started_ms: 3,
      duration_ms: 212,
    },
    HOTEL_LINE,
  ],
  critical_path_ms: 431,
  duration_ms: 436,
  sequential_ms: 720,
  parallel_efficiency: 0.99,
  success_rate: 0.5,
  shards: 1,
  usage: { calls: 2, attempts: 1, cache_hits: 1 },
};

describe("runAnswer", () => {
  it("counts which layer of the cache answered, and what was passed over, where any did", () => {
    const results = [
      { ...FLIGHT, cacheLayer: "isolate" as const },
      { ...FLIGHT, cache: "stale" as const, cacheLayer: "isolate" as const },
      { ...FLIGHT, cacheLayer: "kv" as const },
      { ...HOTEL, cacheFault: "other_shape" as const },
    ];
    const answer: unknown = JSON.parse(runAnswer({ ...REPORT, results }));
    expect(answer).toMatchObject({
      usage: {
        cache_hits: 3,
        cache_layers: { isolate: 2, kv: 1 },
        cache_ignored: { other_shape: 1 },
      },
    });
  });

  it("has exactly the fields of the contract, results in call order", () => {
    expect(JSON.parse(runAnswer(REPORT))).toEqual(ANSWER);
  });

  it("hands a tool's output on byte by byte", () => {
    expect(runAnswer(REPORT)).toContain(`"output":${FLIGHT.outputJson}`);
  });

  it("never claims to be faster than the critical path, nor divides by no time", () => {
    const efficiency = (criticalPathMs: number, durationMs: number) => {
      const answer: unknown = JSON.parse(runAnswer({ ...REPORT, criticalPathMs, durationMs }));
      return answer;
    };
    expect(efficiency(10, 9)).toMatchObject({ parallel_efficiency: 1 });
    expect(efficiency(0, 0)).toMatchObject({ parallel_efficiency: 1 });
    expect(efficiency(1, 3)).toMatchObject({ parallel_efficiency: 0.33 });
  });
});

const EVENTS: readonly RunEvent[] = [
  { type: "run.created", run: "run_1", calls: 2 },
  { type: "call.queued", id: "flight", tool: "search_flights" },
  { type: "call.started", id: "flight", tool: "search_flights", startedMs: 3.2 },
  { type: "call.failed", result: HOTEL },
  { type: "run.completed", report: REPORT },
];
const LINES = [
  { type: "run.created", id: "run_1", object: "run", calls: 2 },
  { type: "call.queued", id: "flight", tool: "search_flights" },
  { type: "call.started", id: "flight", tool: "search_flights", started_ms: 3 },
  { type: "call.failed", ...HOTEL_LINE },
  { type: "run.completed", ...ANSWER },
];

describe("createSseEncoder", () => {
  it("numbers events from 1, names them and keeps each on one data line", () => {
    const encode = createSseEncoder();
    for (const [at, event] of EVENTS.entries()) {
      const lines = encode(event).split("\n");
      expect(lines).toHaveLength(5);
      expect(lines.slice(0, 2)).toEqual([`id: ${at + 1}`, `event: ${event.type}`]);
      expect(JSON.parse(lines[2]?.replace("data: ", "") ?? "")).toEqual(LINES[at]);
      expect(lines.slice(3)).toEqual(["", ""]);
    }
  });
});

describe("ndjsonLine", () => {
  it("writes one line an event", () => {
    const lines = EVENTS.map(ndjsonLine).join("").split("\n");
    expect(lines.pop()).toBe("");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(LINES);
  });
});
