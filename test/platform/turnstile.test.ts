import { describe, expect, it } from "vitest";

import { createTurnstile } from "../../src/platform/turnstile.ts";

const never = new AbortController().signal;

describe("createTurnstile", () => {
  it("lets one pass at a time, in the order they came", async () => {
    const turnstile = createTurnstile();
    const passed: number[] = [];
    let inside = 0;
    const pass = async (n: number): Promise<void> => {
      const leave = await turnstile.enter(never);
      inside += 1;
      expect(inside).toBe(1);
      passed.push(n);
      await new Promise((resolve) => setTimeout(resolve, 1));
      inside -= 1;
      leave?.();
    };
    await Promise.all([0, 1, 2, 3].map(pass));
    expect(passed).toEqual([0, 1, 2, 3]);
  });

  it("lets those behind pass when one gives up waiting", async () => {
    const turnstile = createTurnstile();
    const first = await turnstile.enter(never);
    const gone = new AbortController();
    const second = turnstile.enter(gone.signal);
    const third = turnstile.enter(never);
    gone.abort();
    expect(await second).toBeNull();
    first?.();
    expect(await third).toBeTypeOf("function");
  });

  it("lets nobody pass whose signal has aborted before", async () => {
    const turnstile = createTurnstile();
    expect(await turnstile.enter(AbortSignal.abort())).toBeNull();
    expect(await turnstile.enter(never)).toBeTypeOf("function");
  });
});
