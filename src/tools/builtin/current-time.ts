/** The current time in an IANA time zone, by the platform's own time zone data. */

import { type Result, fail, ok } from "../../platform/result.ts";

/** One moment as people and programs read it. */
export type CurrentTime = {
  /** ISO 8601 with the zone's offset, to the second. */
  readonly local: string;
  /** ISO 8601, UTC. */
  readonly utc: string;
  readonly time_zone: string;
  /** English name of the day, in the zone. */
  readonly weekday: string;
  readonly unix_s: number;
};

/** `nowMs` (epoch) in `timeZone`, e.g. `Europe/Paris`; an unknown zone is a failure that says so. */
export function currentTime(nowMs: number, timeZone: string): Result<CurrentTime, string> {
  const format = zonedFormat(timeZone);
  if (format === null)
    return fail("The time zone is unknown; use an IANA name such as Europe/Paris.");
  const parts = new Map(format.formatToParts(nowMs).map((part) => [part.type, part.value]));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? "";
  // "GMT" alone stands for UTC itself.
  const offset = part("timeZoneName").slice(3) || "+00:00";
  const date = `${part("year")}-${part("month")}-${part("day")}`;
  return ok({
    local: `${date}T${part("hour")}:${part("minute")}:${part("second")}${offset}`,
    utc: new Date(nowMs).toISOString(),
    time_zone: format.resolvedOptions().timeZone,
    weekday: part("weekday"),
    unix_s: Math.floor(nowMs / 1000),
  });
}

function zonedFormat(timeZone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat("en-u-ca-gregory-nu-latn", {
      timeZone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
      weekday: "long",
      timeZoneName: "longOffset",
    });
  } catch {
    return null;
  }
}
