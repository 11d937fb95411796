/** Built-in tools as a call sees them. */

import { describe, expect, it } from "vitest";

import { currentTime } from "../../../src/tools/builtin/current-time.ts";
import { BUILTIN_INPUT, runBuiltin } from "../../../src/tools/builtin/run-builtin.ts";
import { checkTool } from "../../../src/tools/check-tool.ts";
import { toolDefinition } from "../../support/tools.ts";

const NOON = Date.UTC(2026, 6, 1, 12, 0, 5, 678);

describe("runBuiltin", () => {
  it("calculates, and says what is wrong with an expression", () => {
    expect(runBuiltin("calculator", { expression: "2*21" }, NOON)).toEqual({
      ok: true,
      value: { result: 42 },
    });
    expect(runBuiltin("calculator", { expression: 5 }, NOON)).toMatchObject({ ok: false });
  });

  it("tells the time of a zone, and UTC without one", () => {
    expect(runBuiltin("current_time", { time_zone: "Asia/Kolkata" }, NOON)).toMatchObject({
      ok: true,
      value: { local: "2026-07-01T17:30:05+05:30", weekday: "Wednesday" },
    });
    expect(runBuiltin("current_time", {}, NOON)).toMatchObject({
      ok: true,
      value: { time_zone: "UTC" },
    });
  });

  it.each(["calculator", "current_time"] as const)(
    "describes the arguments of %s by a schema that can be registered",
    (builtin) => {
      const definition = toolDefinition({ builtin, input: BUILTIN_INPUT[builtin], effect: "pure" });
      expect(checkTool("tool", definition, { allowLoopback: false })).toEqual([]);
    },
  );
});

describe("currentTime", () => {
  it("writes local and universal time, the zone, the day and the epoch", () => {
    expect(currentTime(NOON, "Europe/Paris")).toEqual({
      ok: true,
      value: {
        local: "2026-07-01T14:00:05+02:00",
        utc: "2026-07-01T12:00:05.678Z",
        time_zone: "Europe/Paris",
        weekday: "Wednesday",
        unix_s: Math.floor(NOON / 1000),
      },
    });
  });

  it("knows daylight saving, midnight and UTC", () => {
    expect(currentTime(Date.UTC(2026, 0, 1), "Europe/Paris")).toMatchObject({
      value: { local: "2026-01-01T01:00:00+01:00" },
    });
    expect(currentTime(Date.UTC(2026, 0, 1), "UTC")).toMatchObject({
      value: { local: "2026-01-01T00:00:00+00:00" },
    });
    expect(currentTime(Date.UTC(2026, 0, 1), "America/New_York")).toMatchObject({
      value: { local: "2025-12-31T19:00:00-05:00", weekday: "Wednesday" },
    });
  });

  it("refuses an unknown zone", () => {
    expect(currentTime(NOON, "Mars/Olympus")).toMatchObject({
      ok: false,
      error: expect.stringContaining("IANA"),
    });
  });
});
