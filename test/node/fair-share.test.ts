/** Two tenants saturate one isolate with calls over real HTTP. */

import { afterAll, beforeAll, expect, it } from "vitest";

import { startToolServer, type ToolServer } from "../../dev/tool-server.ts";
import { IsolateShare } from "../../src/assembly/call-share.ts";
import type { CallOutcome } from "../../src/contract/run.ts";
import type { Clock, Lane } from "../../src/orchestration/ports.ts";
import { executeCalls } from "../../src/orchestration/schedule/execute-calls.ts";
import { platformSignal } from "../../src/platform/abort.ts";
import { plannedCall } from "../support/fake-lanes.ts";

const PLACES = 10;
const CALLS = 300;
const CALL_MS = 20;

let server: ToolServer;
beforeAll(async () => {
  server = await startToolServer();
});
afterAll(() => server.close());

const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      const wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener("abort", wake, { once: true });
    }),
};

async function fetchSleep(signal: AbortSignal): Promise<CallOutcome> {
  const url = `${server.url}/sleep/${CALL_MS}`;
  const response = await fetch(url, { signal: platformSignal(signal) });
  return {
    status: response.ok ? "succeeded" : "failed",
    outputJson: await response.text(),
    cache: "bypass",
    attempts: 1,
  };
}

it("two saturating tenants get 45 to 55 per cent each, although one runs three times as much", async () => {
  const share = new IsolateShare(PLACES, () => Date.now());
  const ended = { many: 0, one: 0 };
  const run = (tenant: "many" | "one", signal: AbortSignal) => {
    const lane: Lane = {
      slots: CALLS,
      async run(_call, _timeoutMs, callSignal) {
        const outcome = await fetchSleep(callSignal);
        ended[tenant] += 1;
        return outcome;
      },
    };
    return executeCalls(
      Array.from({ length: CALLS }, (_, n) => plannedCall(`c${n}`)),
      {
        mode: "parallel",
        maxParallel: CALLS,
        startedAtMs: Date.now(),
        deadlineAtMs: Date.now() + 60_000,
      },
      {
        clock,
        lanes: { lanes: () => [lane], close: () => undefined },
        expectedMs: () => CALL_MS,
        share: (endsAtMs) => share.join(tenant, endsAtMs),
        onEvent: async () => undefined,
      },
      signal,
    );
  };
  const rest = new AbortController();
  const many = [1, 2, 3].map(() => run("many", rest.signal));
  const { results } = await run("one", new AbortController().signal);
  expect(results.filter(({ status }) => status === "succeeded")).toHaveLength(CALLS);
  const part = ended.one / (ended.one + ended.many);
  expect(part).toBeGreaterThan(0.45);
  expect(part).toBeLessThan(0.55);
  rest.abort();
  await Promise.all(many);
  expect([share.taken, share.isIdle]).toEqual([0, true]);
});
