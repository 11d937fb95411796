import { describe, expect, it } from "vitest";

import { MAX_PROGRESS_EVENTS } from "../../../src/contract/run.ts";
import { EventLine } from "../../../src/orchestration/schedule/event-line.ts";
import type { CallEvent } from "../../../src/orchestration/schedule/scheduler.ts";

function told(events: readonly CallEvent[]): readonly number[] {
  return events.flatMap((event) =>
    event.type === "call.progress" ? [event.progress.progress] : [],
  );
}

describe("EventLine.sayProgress", () => {
  it("tells as many of one call as are allowed and none more", async () => {
    const events: CallEvent[] = [];
    const line = new EventLine(async (event) => {
      events.push(event);
    });
    for (let progress = 1; progress <= MAX_PROGRESS_EVENTS + 1; progress += 1) {
      line.sayProgress("a", "tool", { progress });
      await line.taken();
    }
    expect(told(events)).toHaveLength(MAX_PROGRESS_EVENTS);
    line.sayProgress("b", "tool", { progress: 1 });
    await line.taken();
    expect(told(events)).toHaveLength(MAX_PROGRESS_EVENTS + 1);
  });

  it("lets only the latest of a call wait for a slow reader", async () => {
    const events: CallEvent[] = [];
    const reader = Promise.withResolvers<void>();
    const line = new EventLine(async (event) => {
      await reader.promise;
      events.push(event);
    });
    line.say({ type: "call.started", id: "a", tool: "tool", startedMs: 0 });
    for (let progress = 1; progress <= 1_000; progress += 1)
      line.sayProgress("a", "tool", { progress });
    reader.resolve();
    await line.taken();
    expect(told(events)).toEqual([1_000]);
  });
});
