import { array, assert, constantFrom, integer, property, record } from "fast-check";
import { describe, expect, it, vi } from "vitest";

import { Abort, platformSignal } from "../../src/platform/abort.ts";

/** What both kinds of controller can do. */
interface Controller {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

const STEP = record({
  what: constantFrom("abort", "listen", "listen_once", "listen_again", "leave"),
  who: integer({ min: 0, max: 2 }),
});

/** What listeners are told, in order, and how the signals stand after each step. */
function story(
  make: () => Controller,
  join: (signals: AbortSignal[]) => AbortSignal,
  steps: readonly { what: string; who: number }[],
) {
  const [a, b] = [make(), make()];
  const signals = [a.signal, b.signal, join([a.signal, b.signal])];
  const told: string[] = [];
  const heard: string[] = [];
  const listeners = signals.map((_, who) => () => void heard.push(`${who}`));
  for (const { what, who } of steps) {
    const [signal, listener] = [signals[who], listeners[who]];
    if (signal === undefined || listener === undefined) continue;
    if (what === "abort") (who === 0 ? a : b).abort(`reason of ${who}`);
    else if (what === "leave") signal.removeEventListener("abort", listener);
    else signal.addEventListener("abort", listener, { once: what === "listen_once" });
    // Whether a signal or one that follows it is told first is nobody's business.
    told.push(
      `told ${heard
        .splice(0)
        .toSorted((x, y) => x.localeCompare(y))
        .join(" ")}`,
    );
    told.push(signals.map(({ aborted, reason }) => `${aborted} ${reason}`).join(", "));
  }
  return told;
}

describe("Abort", () => {
  it("tells listeners what the platform's own controllers and joined signals tell", () => {
    assert(
      property(array(STEP, { maxLength: 12 }), (steps) => {
        const own = story(
          () => new Abort(),
          (signals) => new Abort().follow(...signals).signal,
          steps,
        );
        const platforms = story(
          () => new AbortController(),
          (signals) => AbortSignal.any(signals),
          steps,
        );
        expect(own).toEqual(platforms);
      }),
      { numRuns: 500, seed: 20_261_123 },
    );
  });

  it("follows a signal that has aborted already, with its reason", () => {
    expect(new Abort().follow(AbortSignal.abort("gone")).signal).toMatchObject({
      aborted: true,
      reason: "gone",
    });
  });

  it("leaves no listener behind once it is released, or has aborted", () => {
    const lasting = new AbortController().signal;
    const remove = vi.spyOn(lasting, "removeEventListener");
    const followed = new Abort().follow(lasting);
    followed.release();
    expect(remove).toHaveBeenCalledTimes(1);
    new Abort().follow(lasting).abort();
    expect(remove).toHaveBeenCalledTimes(2);
  });

  it("has a reason to throw, and throws it only once it has aborted", () => {
    const abort = new Abort();
    abort.signal.throwIfAborted();
    abort.abort();
    expect(() => abort.signal.throwIfAborted()).toThrow("It was stopped.");
  });
});

describe("platformSignal", () => {
  it("is a signal the platform obeys, and follows", async () => {
    const abort = new Abort();
    const signal = platformSignal(abort.signal);
    expect(AbortSignal.any([signal]).aborted).toBe(false);
    abort.abort("gone");
    expect(signal).toMatchObject({ aborted: true, reason: "gone" });
    expect(platformSignal(abort.signal)).toMatchObject({ aborted: true, reason: "gone" });
  });

  it("leaves the platform's own as they are", () => {
    const { signal } = new AbortController();
    expect(platformSignal(signal)).toBe(signal);
  });
});
