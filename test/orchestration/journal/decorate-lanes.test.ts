import { expect, it } from "vitest";

import { decorateLanes } from "../../../src/orchestration/journal/decorate-lanes.ts";
import type { Lane, LanePool } from "../../../src/orchestration/ports.ts";
import { plannedCall, succeeded } from "../../support/fake-lanes.ts";

const HALF = { progress: 1, total: 2 };

it("keeps number, order, slots and identity of lanes, and passes on turns and the end", async () => {
  const said: string[] = [];
  const lanes = [1, 2].map((slots) => ({
    slots,
    run: (...[, , , onProgress]: Parameters<Lane["run"]>) => {
      onProgress?.(HALF);
      return Promise.resolve(succeeded(slots));
    },
  }));
  const pool: LanePool = {
    lanes: (calls) => lanes.slice(0, calls),
    beginTurn: () => void said.push("turn below"),
    close: () => void said.push("closed"),
  };
  const decorated = decorateLanes(pool, {
    run: (lane, call, timeoutMs, signal) => lane.run(call, timeoutMs, signal),
    beginTurn: () => void said.push("turn"),
  });
  const [first] = decorated.lanes(1);
  const [again, second] = decorated.lanes(2);
  expect(again).toBe(first);
  expect([again?.slots, second?.slots]).toEqual([1, 2]);
  const never = new AbortController().signal;
  const told: unknown[] = [];
  await first?.run(plannedCall("b"), 1, never, (progress) => told.push(progress));
  expect(told).toEqual([HALF]);
  expect(await second?.run(plannedCall("a"), 1, never)).toEqual(succeeded(2));
  decorated.beginTurn?.();
  decorated.close();
  expect(said).toEqual(["turn", "turn below", "closed"]);
});
