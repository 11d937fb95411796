/**
 * A rate that follows what a server takes, when the server says no more than "too many" (AIMD).
 *
 * A refusal multiplies the rate by 0.85; refusals of requests sent before the rate fell say nothing new. While requests are
 * accepted it grows: by a tenth a second of the rate that it last fell from, five times slower around that rate, where the next
 * refusal is likely, and beyond it by half of itself. So most of the time is spent just below what the server takes, and one
 * that takes twice as much is followed within ten seconds. It does not grow beyond twice of what is really sent. Until the first
 * refusal there is no bound.
 *
 * Source: Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion avoidance in computer networks",
 * Computer Networks and ISDN Systems 17 (1989); the plateau after Ha, Rhee and Xu, "CUBIC", SIGOPS OSR 42(5), 2008; the
 * bound by what is sent after the AWS SDKs' adaptive retry mode.
 */

/** The rate between two answers. Plain data. */
export interface AimdRate {
  /** Requests a millisecond. */
  readonly perMs: number;
  /** The rate it fell from when requests were last accepted. */
  readonly fromPerMs: number;
  readonly fellAtMs: number;
  readonly grewAtMs: number;
  /** Something sent since it fell was accepted. */
  readonly wasAccepted: boolean;
}

/** What a server that has refused nothing takes. */
export const UNBOUNDED: AimdRate = {
  perMs: Infinity,
  fromPerMs: 0,
  fellAtMs: -Infinity,
  grewAtMs: 0,
  wasAccepted: true,
};

/** A request each ten seconds is always sent, to learn of better times. */
export const LEAST_PER_MS = 0.0001;

const FALL = 0.85;

/** Growth in a second, as a share of the rate it fell from: below that rate, and between these two shares of it. */
const STEP = 0.1;
const CAREFUL_STEP = 0.02;
const CAREFUL_FROM = 0.97;
const CAREFUL_TO = 1.05;
/** Beyond them, as a share of itself: nobody knows how much more there is. */
const BOLD_STEP = 0.5;

/** The most time that one answer makes it grow for. */
const MAX_STEP_MS = 1_000;

/** It never grows beyond this multiple of what is sent, nor falls from more than the second: what is sent is known late. */
const MOST_OVER_SENT = 2;
const FALLS_FROM_SENT = 1.3;

/** When an answered request was sent, the time now, and how many a millisecond were sent lately. */
export interface RateSample {
  readonly sentAtMs: number;
  readonly nowMs: number;
  readonly sentPerMs: number;
}

/** The rate after a request was accepted. */
export function accepted(rate: AimdRate, { sentAtMs, nowMs, sentPerMs }: RateSample): AimdRate {
  if (rate.perMs === Infinity || sentAtMs <= rate.fellAtMs) return rate;
  const { perMs, fromPerMs } = rate;
  const forMs = Math.min(MAX_STEP_MS, Math.max(0, nowMs - rate.grewAtMs));
  const most = Math.max(perMs, MOST_OVER_SENT * sentPerMs);
  const grown = Math.min(most, perMs + (stepOf(perMs, fromPerMs) * forMs) / 1000);
  return { ...rate, perMs: grown, grewAtMs: nowMs, wasAccepted: true };
}

/** Growth in a second. */
function stepOf(perMs: number, fromPerMs: number): number {
  if (perMs < CAREFUL_FROM * fromPerMs) return STEP * fromPerMs;
  return perMs < CAREFUL_TO * fromPerMs ? CAREFUL_STEP * fromPerMs : BOLD_STEP * perMs;
}

/** The rate after a request was refused because there were too many. */
export function refused(rate: AimdRate, { sentAtMs, nowMs, sentPerMs }: RateSample): AimdRate {
  if (sentAtMs <= rate.fellAtMs) return rate;
  const { wasAccepted } = rate;
  const margin = rate.perMs === Infinity ? 1 : FALLS_FROM_SENT;
  const fromPerMs = Math.min(rate.perMs, margin * sentPerMs);
  const perMs = Math.max(LEAST_PER_MS, fromPerMs * FALL);
  return {
    perMs,
    fromPerMs: wasAccepted ? fromPerMs : rate.fromPerMs,
    fellAtMs: nowMs,
    grewAtMs: nowMs,
    wasAccepted: false,
  };
}
