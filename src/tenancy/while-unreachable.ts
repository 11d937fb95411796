/**
 * What passes while a tenant's gate cannot be reached, by `when_unreachable` of its policy: as much as the last leases would
 * have given, on credit (`safe_share`), no more than what is held (`closed`), or everything (`open`). A tenant opens its own limits
 * only: the operator's are kept at their share in any case.
 */

import type { LeaseHolder, RateDraw } from "../algorithms/lease-holder.ts";
import type { AdmissionRequest } from "../contract/admission.ts";
import type { RequestLimit, WhenUnreachable } from "../contract/limits.ts";

/** How the ids of the operator's limits begin. */
const OPERATOR = "operator";

/** Passes a request without the gate; null when it may not pass. What it answers gives its permits back. */
export function passUnreachable(
  holder: LeaseHolder<RequestLimit>,
  { concurrency, permitTtlMs }: AdmissionRequest,
  draws: readonly RateDraw<RequestLimit>[],
  mode: WhenUnreachable,
  nowMs: number,
): (() => void) | null {
  if (mode === "closed") return null;
  const isKept = ({ id }: { readonly id: string }) => mode !== "open" || id.startsWith(OPERATOR);
  const permits = concurrency.filter(isKept);
  return holder.drawShare(draws.filter(isKept), permits, permitTtlMs, nowMs);
}
