/** The end of a request that was turned away for want of a place. Nothing was sent; another target may have one. */

import type { Verdict } from "../contract/upstream-session.ts";
import { fail, type Result } from "../platform/result.ts";
import type { Judged } from "./retry.ts";

/** Too many others, more important, want the same target. */
export interface Shed {
  readonly kind: "shed";
  readonly target: string;
  readonly sent: false;
}

/** What it says of its target. */
export const NOT_SENT: Verdict = { class: "ignored", retryAfterMs: null, executed: false };

/** Such an end; with `hasOther` another attempt is worth it. */
export function turnedAway(target: string, hasOther: boolean): Judged<Result<never, Shed>> {
  const verdict: Verdict = { ...NOT_SENT, class: hasOther ? "rate_limited" : "ignored" };
  const result = fail<Shed>({ kind: "shed", target, sent: false });
  return { result, verdict, wasSent: false, hasOther };
}
