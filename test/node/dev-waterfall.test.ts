import { describe, expect, it } from "vitest";

import { createCallTrack } from "../../dev/demo/travel.ts";
import { drawWaterfall, measureOverlap, type WaterfallCall } from "../../dev/demo/waterfall.ts";
import { createWrapper } from "../../dev/demo/wrap.ts";

const CALLS: readonly WaterfallCall[] = [
  { name: "find_events", startMs: 10, endMs: 210, status: "succeeded" },
  { name: "get_weather", startMs: 0, endMs: 100, status: "succeeded" },
  { name: "convert_currency_with_a_long_name", startMs: 210, endMs: 400, status: "timeout" },
];

describe("drawWaterfall", () => {
  it("draws a row for each call in the order of their start, each bar at its place", () => {
    expect(drawWaterfall(CALLS, { width: 74, color: false })).toEqual([
      "                      0                  200            400 ms",
      "get_weather          │██████████                              │    100 ms",
      "find_events          │ ████████████████████                   │    200 ms",
      "convert_currency_wit │                     ░░░░░░░░░░░░░░░░░░░│    190 ms",
    ]);
  });

  it("never draws wider than asked, whatever the calls", () => {
    for (const width of [40, 60, 100]) {
      for (const line of drawWaterfall(CALLS, { width, color: false })) {
        expect(line.length).toBeLessThanOrEqual(width);
      }
    }
  });

  it("shows a call that took no time, and colours bars only when asked", () => {
    const instant = [{ name: "a", startMs: 5, endMs: 5, status: "succeeded" }];
    expect(drawWaterfall(instant, { width: 40, color: false })[1]).toContain("█");
    expect(drawWaterfall(instant, { width: 40, color: false }).join("")).not.toContain("\u001B");
    expect(drawWaterfall(instant, { width: 40, color: true }).join("")).toContain("\u001B[36m");
  });

  it("draws nothing without calls", () => {
    expect(drawWaterfall([], { width: 80, color: true })).toEqual([]);
  });
});

describe("measureOverlap", () => {
  it("sums durations, unites overlapping times and counts the most at once", () => {
    expect(measureOverlap(CALLS)).toEqual({
      sequentialMs: 490,
      parallelMs: 400,
      ratio: 490 / 400,
      most: 2,
    });
  });

  it("leaves out gaps, and is 1 without calls", () => {
    const gap = [
      { name: "a", startMs: 0, endMs: 10, status: "succeeded" },
      { name: "b", startMs: 90, endMs: 100, status: "succeeded" },
    ];
    expect(measureOverlap(gap)).toMatchObject({
      sequentialMs: 20,
      parallelMs: 20,
      ratio: 1,
      most: 1,
    });
    expect(measureOverlap([])).toEqual({ sequentialMs: 0, parallelMs: 0, ratio: 1, most: 0 });
  });
});

describe("createCallTrack", () => {
  it("joins the start of a call with its end", () => {
    const track = createCallTrack();
    track.add({ type: "tool.started", call_id: "1", name: "a", t_ms: 5 });
    track.add({ type: "tool.started", call_id: "2", name: "b", t_ms: 6 });
    track.add({ type: "tool.error", call_id: "2", name: "b", t_ms: 9, status: "timeout" });
    track.add({ type: "tool.result", call_id: "1", name: "a", t_ms: 25 });
    expect(track.calls()).toEqual([
      { name: "b", startMs: 6, endMs: 9, status: "timeout" },
      { name: "a", startMs: 5, endMs: 25, status: "succeeded" },
    ]);
  });
});

describe("createWrapper", () => {
  it("breaks between words before the width is passed, whatever the pieces", () => {
    const text = "one two three four\n- five   six seven\n\n\n\nend";
    for (const size of [1, 3, 100]) {
      let out = "";
      const wrapper = createWrapper(10, (piece) => {
        out += piece;
      });
      for (let at = 0; at < text.length; at += size) wrapper.push(text.slice(at, at + size));
      wrapper.end();
      expect(out).toBe("one two\nthree four\n- five\nsix seven\n\nend");
    }
  });

  it("writes a word as soon as it is complete", () => {
    let out = "";
    const wrapper = createWrapper(80, (piece) => {
      out += piece;
    });
    wrapper.push("one tw");
    expect(out).toBe("one");
  });
});
