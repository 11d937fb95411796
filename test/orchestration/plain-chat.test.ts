import {
  type Arbitrary,
  array,
  assert,
  asyncProperty,
  constantFrom,
  integer,
  oneof,
  option,
  record,
} from "fast-check";
import { describe, expect, it } from "vitest";

import type { ModelEvent } from "../../src/contract/chat.ts";
import { isPlainChat } from "../../src/orchestration/plain-chat.ts";
import {
  call,
  ChatScene,
  CLIENT_TOOL,
  finish,
  type ModelScript,
  type ModelStep,
  request,
  says,
  text,
} from "../support/chat-scene.ts";

const EVENT: Arbitrary<readonly ModelStep[]> = oneof(
  constantFrom("", "a", "b c").map((content) => [text(content)]),
  integer({ min: 0, max: 400 }).map((ms) => [{ type: "wait" as const, ms }]),
  record({
    index: integer({ min: 0, max: 3 }),
    name: constantFrom("ask_user", "weather", ""),
    argumentsJson: constantFrom("{}", '{"a":1}', '{"cut'),
  }).map(({ index, name, argumentsJson }) => call(index, name, argumentsJson)),
  constantFrom<ModelEvent>(
    { type: "call_arguments", index: 3, delta: "of nobody" },
    { type: "usage", usage: { total_tokens: 3 } },
    { type: "usage", usage: { total_tokens: 0 }, saved: { total_tokens: 9 } },
    { type: "meta", meta: { service_tier: "flex" } },
    { type: "degraded", model: "another" },
  ).map((event) => [event]),
);

const LAST: Arbitrary<readonly ModelStep[]> = oneof(
  constantFrom("stop", "tool_calls", "function_call", "length", "content_filter").map((reason) => [
    finish(reason),
  ]),
  constantFrom<readonly ModelStep[]>(
    [],
    [{ type: "failed", error: { code: "upstream_unreachable" } }],
    [{ type: "wait", ms: 60_000 }],
  ),
);

const MODEL: Arbitrary<ModelScript> = oneof(
  { weight: 1, arbitrary: constantFrom<ModelScript>({ error: { code: "upstream_timeout" } }) },
  {
    weight: 9,
    arbitrary: record({
      headersAfterMs: integer({ min: 0, max: 1_500 }),
      steps: record({ pieces: array(EVENT, { maxLength: 6 }), last: LAST }).map(
        ({ pieces, last }) => [...pieces.flat(), ...last],
      ),
    }),
  },
);

interface World {
  readonly model: ModelScript;
  readonly deadlineMs: number;
  readonly cancelAtMs: number | null;
  readonly n: number;
}

async function saidBy({ model, deadlineMs, cancelAtMs, n }: World, plain: boolean) {
  const scene = new ChatScene({
    model: [model],
    offered: [],
    plain,
    bounds: { deadlineMs },
    request: request({ tools: [CLIENT_TOOL], n }),
  });
  const running = scene.start();
  if (cancelAtMs !== null) {
    await scene.clock.advance(cancelAtMs);
    scene.cancel();
  }
  await scene.clock.runUntil(running);
  return { scene, events: scene.events };
}

describe("plainChat", () => {
  it("says what the whole run says, whatever the model, the clock and the client do", async () => {
    const world = record({
      model: MODEL,
      deadlineMs: integer({ min: 1, max: 3_000 }),
      cancelAtMs: option(integer({ min: 0, max: 2_000 }), { freq: 4 }),
      n: constantFrom(1, 1, 1, 2),
    });
    await assert(
      asyncProperty(world, async (drawn) => {
        const whole = await saidBy(drawn, false);
        const { scene, events } = await saidBy(drawn, true);
        // A client that has gone is told nothing in the whole run but its end; what was on its way does not matter.
        const isGone = drawn.cancelAtMs !== null && events.at(-1)?.type === "failed";
        const told = (all: typeof events) => (isGone ? all.slice(-1) : all);
        expect(told(events)).toEqual(told(whole.events));
        expect(scene.asked).toEqual(whole.scene.asked);
        expect(scene.clock.pending).toBe(0);
      }),
      { numRuns: 400, seed: 20_261_123 },
    );
  });

  it("ends the request of a reader that leaves", async () => {
    const scene = new ChatScene({
      model: [{ steps: [text("a"), { type: "wait", ms: 5_000 }, finish("stop")] }],
      offered: [],
      plain: true,
    });
    const running = scene.start(async (event) => {
      if (event.type === "delta") throw new Error("The reader has gone.");
    });
    await expect(scene.clock.runUntil(running)).rejects.toThrow("The reader has gone.");
    expect(scene.left).toBe(1);
    expect(scene.clock.pending).toBe(0);
  });

  it("ends at its deadline with a model that ignores its signal", async () => {
    const steps: readonly ModelStep[] = [text("a"), { type: "wait", ms: 60_000 }];
    const scene = new ChatScene({
      model: [{ steps, ignoresSignal: true }],
      offered: [],
      plain: true,
      bounds: { deadlineMs: 1_000 },
    });
    const running = scene.start();
    await scene.clock.advance(1_000);
    await running;
    expect(scene.events.at(-1)).toMatchObject({ finishReason: "length" });
    expect(scene.clock.now()).toBe(2_000);
  });

  it("asks once", async () => {
    const scene = new ChatScene({ model: [says("Hi")], offered: [], plain: true });
    await scene.run();
    expect(scene.asked).toHaveLength(1);
    expect(scene.content()).toBe("Hi");
  });
});

describe("isPlainChat", () => {
  it("is one without the gateway's tools and without a turn of its own", () => {
    const ours = { id: `call_gw${"0".repeat(22)}_0`, type: "function" };
    const theirs = { id: "call_1", type: "function" };
    const after = (calls: readonly (typeof ours)[]) =>
      request({ messages: [{ role: "assistant", tool_calls: [...calls] }] });
    expect(isPlainChat(request(), 0)).toBe(true);
    expect(isPlainChat(request(), 1)).toBe(false);
    expect(isPlainChat(after([theirs]), 0)).toBe(true);
    expect(isPlainChat(after([theirs, ours]), 0)).toBe(false);
  });
});
