/** Generations: what an isolate may still believe, for how long, and what it sees at once. */

import { describe, expect, it } from "vitest";

import type { ResultGenerations } from "../../../src/contract/flight.ts";
import {
  generationOf,
  GenerationViews,
  type GenerationSource,
  VIEW_MS,
} from "../../../src/tools/cache/generations.ts";

const NEVER = new AbortController().signal;

/** The object, and isolates on its clock. */
function scene() {
  const state = {
    nowMs: 1_000_000,
    reads: 0,
    isDown: false,
    counted: new Map<string, number>(),
    count: 0,
  };
  const work: Promise<unknown>[] = [];
  const answer = (): ResultGenerations => ({
    count: state.count,
    scopes: Object.fromEntries(state.counted),
  });
  const source: GenerationSource = {
    async read() {
      state.reads += 1;
      if (state.isDown) throw new Error("down");
      return Promise.resolve(answer());
    },
    async advance(scopes) {
      if (state.isDown) throw new Error("down");
      state.count += 1;
      for (const scope of scopes) state.counted.set(scope, (state.counted.get(scope) ?? 0) + 1);
      return Promise.resolve(answer());
    },
  };
  const now = () => state.nowMs;
  const ports = { now, defer: (one: Promise<unknown>) => void work.push(one) };
  const isolate = () => {
    const views = new GenerationViews();
    return {
      current: (signal = NEVER) => views.current("ten", source, ports, signal),
      advance: (...scopes: string[]) => views.advance("ten", source, scopes, now),
      forget: () => views.forget("ten"),
    };
  };
  return { state, isolate, settled: () => Promise.all(work) };
}

describe("GenerationViews", () => {
  it("reads once and then ahead of time, so nobody waits again while it is used", async () => {
    const { state, isolate, settled } = scene();
    const one = isolate();
    await one.current();
    for (let n = 0; n < 100; n += 1) {
      state.nowMs += 100;
      await one.current();
      await settled();
    }
    expect(state.reads).toBe(3);
  });

  it("sees another isolate's invalidation before its view is five seconds old", async () => {
    const { state, isolate, settled } = scene();
    const [one, other] = [isolate(), isolate()];
    await one.current();
    await other.advance("tag:a");
    state.nowMs += VIEW_MS - 1;
    expect(await one.current()).toMatchObject({ count: 0 });
    await settled();
    expect(await one.current()).toMatchObject({ count: 1 });
    const idle = isolate();
    await idle.current();
    await other.advance("tag:a");
    state.nowMs += VIEW_MS;
    expect(await idle.current()).toMatchObject({ count: 2 });
  });

  it("sees its own at once, and reads again when told to", async () => {
    const { state, isolate } = scene();
    const one = isolate();
    await one.current();
    await one.advance("all");
    expect(await one.current()).toEqual({ count: 1, scopes: { all: 1 } });
    state.counted.set("all", 7);
    state.count = 7;
    one.forget();
    expect(await one.current()).toMatchObject({ count: 7 });
  });

  it("is null when it cannot be read, or not soon: then nothing is answered from the cache", async () => {
    const { state, isolate } = scene();
    state.isDown = true;
    expect(await isolate().current()).toBeNull();
    expect(await isolate().current(AbortSignal.abort())).toBeNull();
    await expect(isolate().advance("all")).rejects.toThrow("down");
  });

  it("goes on with its view while it reads ahead in vain, and no longer", async () => {
    const { state, isolate, settled } = scene();
    const one = isolate();
    await one.current();
    state.isDown = true;
    state.nowMs += VIEW_MS - 1;
    expect(await one.current()).not.toBeNull();
    await settled();
    state.nowMs += 1;
    expect(await one.current()).toBeNull();
  });
});

describe("generationOf", () => {
  it("changes with everything a result is subject to, and with nothing else", () => {
    const of = (scopes: Record<string, number>) =>
      generationOf({ count: 9, scopes }, "t", ["a", "b"]);
    const none = of({});
    expect(of({ "tool:other": 3, "tag:c": 1 })).toBe(none);
    const all = [none, of({ all: 1 }), of({ "tool:t": 1 }), of({ "tag:a": 1 }), of({ "tag:b": 1 })];
    expect(new Set(all).size).toBe(5);
    expect(of({ "tag:toString": 1 })).toBe(none);
    expect(generationOf({ count: 0, scopes: {} }, "t", ["__proto__"])).toBe("0.0.0");
  });
});
