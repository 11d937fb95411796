/**
 * Expectations on how calls ran: side by side or one after the other, how many at once, how long in all. They belong to no
 * test runner: one that does not hold throws, with a drawing of the calls over time, and one that holds returns itself, so
 * they can be chained.
 *
 * Two calls overlap when each has begun before the other has ended; one that begins in the very millisecond in which
 * another ends does not overlap it.
 */

import { drawCalls } from "./draw-calls.ts";

/** When a call ran, in milliseconds since its run began. The results of a run's report are such. */
export interface TimedCall {
  readonly id: string;
  readonly tool: string;
  readonly startedMs: number;
  readonly durationMs: number;
}

/** An expectation that does not hold. */
export class ExpectationFailed extends Error {
  override readonly name = "ExpectationFailed";
}

/** Bounds of a time, in milliseconds; both belong to it. */
export interface TimeBounds {
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** See above. */
export class ToolCallExpectation {
  readonly #calls: readonly TimedCall[];

  constructor(calls: readonly TimedCall[]) {
    this.#calls = calls;
  }

  /** Exactly these calls were made, by id or by the tool's name, in whatever order. */
  toBe(...names: readonly string[]): this {
    const left = [...this.#calls];
    const missing = names.filter((name) => {
      const found = left.findIndex(({ id, tool }) => id === name || tool === name);
      if (found >= 0) left.splice(found, 1);
      return found < 0;
    });
    if (missing.length > 0) this.#fail(`There is no call of ${listed(missing)}.`);
    if (left.length > 0) this.#fail(`Nobody expected ${listed(left.map(({ id }) => id))}.`);
    return this;
  }

  /** The same of these calls alone, by id or by the tool's name; it is an error when there is none for one of them. */
  of(...names: readonly string[]): ToolCallExpectation {
    const missing = names.filter((name) => !this.#calls.some((call) => isCalled(call, name)));
    if (missing.length > 0) this.#fail(`There is no call of ${listed(missing)}.`);
    return new ToolCallExpectation(
      this.#calls.filter((call) => names.some((name) => isCalled(call, name))),
    );
  }

  /** There was a moment at which all of them ran. Calls that took no time at all never ran beside others. */
  inParallel(): this {
    this.#needs(2, "inParallel");
    const lastStart = this.#calls.reduce((last, call) =>
      call.startedMs > last.startedMs ? call : last,
    );
    const firstEnd = this.#calls.reduce((first, call) =>
      endOf(call) < endOf(first) ? call : first,
    );
    if (lastStart.startedMs < endOf(firstEnd)) return this;
    return this.#fail(
      `The calls did not all run at once: "${lastStart.id}" began at ${lastStart.startedMs} ms, when "${firstEnd.id}" had ended at ${endOf(firstEnd)} ms.`,
    );
  }

  /** Each began when the one before it had ended, or later, in the order they are given in. */
  inOrder(): this {
    this.#needs(2, "inOrder");
    for (const [index, call] of this.#calls.entries()) {
      const before = this.#calls[index - 1];
      if (before === undefined || call.startedMs >= endOf(before)) continue;
      this.#fail(
        `"${call.id}" began at ${call.startedMs} ms, before "${before.id}" had ended at ${endOf(before)} ms.`,
      );
    }
    return this;
  }

  /** Never more than `most` of them ran at once. */
  maxConcurrentCalls(most: number): this {
    const peak = peakOf(this.#calls);
    if (peak.calls.length <= most) return this;
    return this.#fail(
      `${peak.calls.length} calls ran at once at ${peak.atMs} ms, and at most ${most} may: ${listed(peak.calls)}.`,
    );
  }

  /** From the first start to the last end. */
  totalDuration({ atLeast = 0, atMost = Infinity }: TimeBounds): this {
    this.#needs(1, "totalDuration");
    const startMs = Math.min(...this.#calls.map(({ startedMs }) => startedMs));
    const totalMs = Math.max(...this.#calls.map(endOf)) - startMs;
    if (totalMs < atLeast) this.#fail(`The calls took ${totalMs} ms, less than ${atLeast} ms.`);
    if (totalMs > atMost) this.#fail(`The calls took ${totalMs} ms, more than ${atMost} ms.`);
    return this;
  }

  #needs(least: number, name: string): void {
    if (this.#calls.length < least)
      this.#fail(`${name} says nothing about ${this.#calls.length} calls; it needs ${least}.`);
  }

  #fail(message: string): never {
    throw new ExpectationFailed(`${message}\n\n${drawCalls(this.#calls)}`);
  }
}

/** What is expected of `calls`, such as the results of a run's report. */
export function expectToolCalls(calls: readonly TimedCall[]): ToolCallExpectation {
  return new ToolCallExpectation(calls);
}

function isCalled({ id, tool }: TimedCall, name: string): boolean {
  return id === name || tool === name;
}

function endOf({ startedMs, durationMs }: TimedCall): number {
  return startedMs + durationMs;
}

/** The moment at which most of them ran, and which those were; calls that took no time never ran. */
function peakOf(calls: readonly TimedCall[]): {
  readonly atMs: number;
  readonly calls: readonly string[];
} {
  let peak: { atMs: number; calls: readonly string[] } = { atMs: 0, calls: [] };
  // As many run at once as at some call's start.
  for (const { startedMs: atMs } of calls) {
    const running = calls.filter((call) => call.startedMs <= atMs && endOf(call) > atMs);
    if (running.length > peak.calls.length) peak = { atMs, calls: running.map(({ id }) => id) };
  }
  return peak;
}

function listed(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
