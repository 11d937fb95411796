/** The end of a request that was turned away for want of a place or of room. Nothing was sent; another target may have some. */

import type { Verdict } from "../contract/upstream-session.ts";
import { fail, type Result } from "../platform/result.ts";
import type { NoRoom } from "./crowd.ts";
import type { Judged } from "./retry.ts";
import type { RouteFailure } from "./route.ts";

/** Too many others, more important, want the same target. */
export interface Shed {
  readonly kind: "shed";
  readonly target: string;
  readonly sent: false;
}

/** What it says of its target. */
export const NOT_SENT: Verdict = { class: "ignored", retryAfterMs: null, executed: false };

/** Such an end; with `hasOther` another attempt is worth it. A target that takes no more for now is one that asked to be left alone. */
export function turnedAway(
  target: string,
  hasOther: boolean,
  room: NoRoom | null,
): Judged<Result<never, Shed | RouteFailure>> {
  const verdict: Verdict = { ...NOT_SENT, class: hasOther ? "rate_limited" : "ignored" };
  const end: Shed | RouteFailure =
    room === null
      ? { kind: "shed", target, sent: false }
      : { kind: "held", ...HELD, ...room, target, sent: false };
  return { result: fail(end), verdict, wasSent: false, hasOther };
}

const HELD = { cause: "rate_limited", isForced: false, mayProbe: false } as const;
