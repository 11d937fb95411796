/** A second request beside a slow one: when it is asked for, and whose answer counts. */

import { describe, expect, it } from "vitest";

import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { type Hedge, LOST, withHedge } from "../../src/resilience/hedge.ts";
import type { Judged } from "../../src/resilience/retry.ts";

const HERE = new AbortController().signal;

function judged(result: string, kind: Judged<string>["verdict"]["class"] = "ok"): Judged<string> {
  const verdict = { class: kind, retryAfterMs: null, executed: true };
  return { result, verdict, wasSent: true, hasOther: false };
}

/** How a request ends, and after how long. */
type Timed = readonly [tookMs: number, end: Judged<string>];

/** A call's first request and the hedges that are to be had, one each time it is asked for; null: there is none. */
function scene(own: Timed, hedge: Timed | null, afterMs = 100) {
  const clock = new FakeClock();
  const recall = new AbortController();
  const seen = { waits: new Array<number>(), reasons: new Array<unknown>(), givenBack: 0 };
  const request =
    ([tookMs, end]: Timed) =>
    async (signal: AbortSignal): Promise<Judged<string>> => {
      await clock.sleep(tookMs, signal);
      if (!signal.aborted) return end;
      seen.reasons.push(signal.reason);
      return judged("aborted", "lost");
    };
  const prepare = async (waitedMs: number): Promise<Hedge<string> | null> => {
    seen.waits.push(waitedMs);
    if (hedge === null) return null;
    return {
      send: request(hedge),
      recalled: recall.signal,
      end: () => void (seen.givenBack += 1),
    };
  };
  const start = (signal = HERE) => withHedge({ clock, afterMs, prepare }, signal, request(own));
  const run = async (): Promise<string> => {
    const { result } = await clock.runUntil(start());
    await clock.settle();
    expect(clock.pending).toBe(0);
    return result;
  };
  return { clock, seen, recall, start, run };
}

describe("withHedge", () => {
  it("asks for none before its time, and for one then", async () => {
    const inTime = scene([99, judged("own")], null);
    expect([await inTime.run(), inTime.seen.waits]).toEqual(["own", []]);
    const late = scene([101, judged("own")], null);
    expect([await late.run(), late.seen.waits]).toEqual(["own", [100]]);
  });

  it("asks again each second while there is none, ten times at most", async () => {
    const slow = scene([60_000, judged("own")], null);
    await slow.run();
    expect(slow.seen.waits).toEqual([
      100, 1_100, 2_100, 3_100, 4_100, 5_100, 6_100, 7_100, 8_100, 9_100,
    ]);
    const rare = scene([7_000, judged("own")], null, 3_000);
    await rare.run();
    expect(rare.seen.waits).toEqual([3_000, 6_000]);
  });

  it("takes whichever answers first, tells the other that it has lost, and gives the connection back", async () => {
    const quick = scene([5_000, judged("own")], [50, judged("hedge")]);
    expect(await quick.run()).toBe("hedge");
    const slow = scene([120, judged("own")], [50, judged("hedge")]);
    expect(await slow.run()).toBe("own");
    for (const { seen } of [quick, slow])
      expect(seen).toMatchObject({ reasons: [LOST], givenBack: 1, waits: [100] });
  });

  it("leaves the word to the other when one fails, to the first when both do", async () => {
    const failed = judged("failed", "failed");
    expect(await scene([500, judged("own")], [50, failed]).run()).toBe("own");
    expect(await scene([120, failed], [50, judged("hedge")]).run()).toBe("hedge");
    const both = scene([500, judged("own failed", "failed")], [50, failed]);
    expect(await both.run()).toBe("own failed");
  });

  it("takes an end that no other request would change for an answer, unless nothing was sent", async () => {
    const refused = judged("refused", "ignored");
    expect(await scene([500, judged("own")], [50, refused]).run()).toBe("refused");
    const unsent = { ...refused, wasSent: false };
    expect(await scene([500, judged("own")], [50, unsent]).run()).toBe("own");
  });

  it("goes on with its first request when the hedge is recalled", async () => {
    const at = scene([500, judged("own")], [5_000, judged("hedge")]);
    const ended = at.start();
    await at.clock.advance(200);
    at.recall.abort();
    expect((await at.clock.runUntil(ended)).result).toBe("own");
    expect([at.seen.reasons.length, at.seen.givenBack, at.clock.pending]).toEqual([1, 1, 0]);
  });

  it("ends at once when the first request throws, for that is a bug", async () => {
    const clock = new FakeClock();
    const bug = new Error("bug");
    const asked: number[] = [];
    const prepare = async (waitedMs: number) => {
      asked.push(waitedMs);
      return null;
    };
    const ended = withHedge({ clock, afterMs: 100, prepare }, HERE, () => Promise.reject(bug));
    await expect(clock.runUntil(ended)).rejects.toBe(bug);
    await clock.settle();
    expect([asked, clock.pending]).toEqual([[], 0]);
  });

  it("asks for none once its caller has left", async () => {
    const at = scene([5_000, judged("own")], [50, judged("hedge")]);
    const caller = new AbortController();
    const ended = at.start(caller.signal);
    await at.clock.advance(50);
    caller.abort();
    expect((await ended).result).toBe("aborted");
    await at.clock.settle();
    expect([at.seen.waits, at.clock.pending]).toEqual([[], 0]);
  });
});
