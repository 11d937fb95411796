/** `adaptive` on simulated time, judged: before an upstream whose limit halves and then doubles, with callers that leave. */

import { row, type BenchRow } from "../report.ts";
import { livePaced } from "./paced-isolates.ts";

/** Limits of the upstream a second, each for so long; what counts are the last seconds of each. */
const LIMITS = [40, 20, 40];
const WORDS = ["at first", "after it has halved", "after it has doubled"];
const PHASE_S = 16;
const COUNTED_S = 6;

const MAX_QUEUE = 30;
const MAX_WAIT_MS = 2000;
const LEAVING_SHARE = 0.3;
const MIN_GOODPUT = 90;

/** On simulated time, so many isolates: all the upstream takes, whatever it takes, and nothing for those who have left. */
export async function simulatedRows(
  seed: number,
  isolates: number,
  times: number,
): Promise<readonly BenchRow[]> {
  const plan = { isolates, limits: LIMITS, phaseMs: PHASE_S * 1000, leaving: LEAVING_SHARE, seed };
  const bounds = { maxQueue: MAX_QUEUE, maxWaitMs: MAX_WAIT_MS };
  const perSecond = times * (LIMITS[0] ?? 0);
  const seen = await livePaced({ ...plan, ...bounds, perSecond });
  const { mostWaiting: most, left, slowestLeaveMs, sentForNobody } = seen;
  const name = `simulated, ${isolates} isolates`;
  const rows = LIMITS.flatMap((limit, n) => {
    const untilMs = (n + 1) * PHASE_S * 1000;
    const count = (at: readonly number[]) =>
      at.filter((atMs) => atMs >= untilMs - COUNTED_S * 1000 && atMs < untilMs).length;
    const [accepted, refused] = [count(seen.accepted), count(seen.refused)];
    const goodput = (100 * accepted) / (limit * COUNTED_S);
    const subject = `${name}, an upstream's limit ${WORDS[n] ?? ""}`;
    return [
      row(subject, "accepted of what the limit allows", goodput, "percent", `>= ${MIN_GOODPUT}`),
      row(subject, "refused of what was sent", (100 * refused) / (accepted + refused), "percent"),
    ];
  });
  return [
    ...rows,
    row(name, "most that waited at once in one of them", most, "requests", `<= ${MAX_QUEUE}`),
    row(name, "callers that left while they waited", left, "requests", ">= 100"),
    row(name, "slowest of them to be out of the queue", slowestLeaveMs, "ms of the clock", "== 0"),
    row(name, "sent for them all the same", sentForNobody, "requests", "== 0"),
  ];
}
