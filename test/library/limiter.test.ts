import { describe, expect, it } from "vitest";

import { defineTool } from "../../src/library/define-tool.ts";
import type { Admission, LimitedCall, LimitedEnd, Limiter } from "../../src/library/limiter.ts";
import { run, type RunOptions } from "../../src/library/run.ts";
import { expectToolCalls } from "../../src/library/testing/expect-tool-calls.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";

const clock = new FakeClock();
const tool = defineTool({
  name: "sleep",
  description: "Sleeps",
  input: { type: "object" },
  effect: "write",
  timeoutMs: 500,
  tags: ["x"],
  group: "g",
  handler: (_values, { signal }) => clock.sleep(100, signal),
});
const CALLS = [1, 2, 3].map((n) => ({ tool, arguments: { n } }));

async function results(limiter: Limiter, more: Partial<RunOptions> = {}) {
  const report = run(CALLS, { tools: [tool], clock, limiter, ...more }).report();
  return (await clock.runUntil(report)).results;
}

/** One call at a time; whoever waits is let in by whoever leaves. */
class OneAtATime implements Limiter {
  readonly seen: LimitedCall[] = [];
  readonly left: LimitedEnd[] = [];
  readonly #waiting: (() => void)[] = [];
  inside = 0;

  async enter(call: LimitedCall, signal: AbortSignal): Promise<Admission> {
    this.seen.push(call);
    if (this.inside > 0)
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener("abort", () => resolve());
      });
    this.inside += 1;
    return { leave: (end) => this.#leave(end) };
  }

  #leave(end: LimitedEnd): void {
    this.inside -= 1;
    this.left.push(end);
    this.#waiting.shift()?.();
  }
}

describe("a limiter", () => {
  it("sees every call and lets it go when it says so; what it let in is let out", async () => {
    const limiter = new OneAtATime();
    const made = await results(limiter);
    expectToolCalls(made).totalDuration({ atLeast: 300, atMost: 300 });
    expect(limiter.seen[0]).toEqual({
      id: "call_1",
      tool: "sleep",
      effect: "write",
      tags: ["x"],
      group: "g",
      host: null,
    });
    expect(limiter.left).toEqual([1, 2, 3].map(() => ({ status: "succeeded", durationMs: 100 })));
    expect(limiter.inside).toBe(0);
  });

  it("refuses a call, which is not made and says when to ask again", async () => {
    const [refused] = await results({ enter: async () => ({ retryAfterMs: 250 }) });
    expect(refused).toMatchObject({
      status: "rate_limited",
      error: { code: "rate_limited", retry_after_ms: 250 },
      attempts: 0,
    });
  });

  it("waits on the call's own time: what never got in was never sent, also a write", async () => {
    const waiting: ((admission: Admission) => void)[] = [];
    const ends: LimitedEnd[] = [];
    const limiter: Limiter = { enter: () => new Promise((resolve) => waiting.push(resolve)) };
    const made = await results(limiter);
    expect(made.map(({ status, attempts }) => [status, attempts])).toEqual(
      [1, 2, 3].map(() => ["timeout", 0]),
    );
    expect(clock.pending).toBe(0);
    // Let in after all: out again at once.
    waiting[0]?.({ leave: (end) => ends.push(end) });
    await clock.settle();
    expect(ends).toEqual([{ status: "cancelled", durationMs: 0 }]);
  });

  it("fails closed, and a bug of it is told", async () => {
    const faults: unknown[] = [];
    const fault = new Error("no store");
    const onFault = (each: unknown) => faults.push(each);
    const thrown = await results(
      {
        enter: () => {
          throw fault;
        },
      },
      { onFault },
    );
    expect(thrown[0]).toMatchObject({ status: "failed", error: { code: "internal" }, attempts: 0 });
    const broken = await results(
      {
        enter: async () => ({
          leave: () => {
            throw fault;
          },
        }),
      },
      { onFault },
    );
    expect(broken[0]?.status).toBe("succeeded");
    expect(faults).toEqual([1, 2, 3, 4, 5, 6].map(() => fault));
  });
});
