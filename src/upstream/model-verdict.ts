/**
 * What a model provider's failure says of it: by status and by the gateway's own code, never by the provider's words.
 *
 * A provider that refuses the key (401, 402, 403, or 429 for want of money) is not asked again with the same key.
 */

import type { GatewayError } from "../contract/error.ts";
import type { Verdict } from "../contract/upstream-session.ts";
import { statusVerdict } from "./status-verdict.ts";

const UNKNOWN: Verdict = { class: "ignored", retryAfterMs: null, executed: true };

/** OpenAI's word for a 429 that no waiting ends. */
const NO_MONEY = "insufficient_quota";

/** Statuses that speak of the key. */
const ABOUT_THE_KEY: ReadonlySet<number> = new Set([401, 402, 403]);

/** See above. Failures of the gateway's own making say nothing of a provider. */
export function modelVerdict(error: GatewayError): Verdict {
  if (error.code === "upstream_timeout") return { ...UNKNOWN, class: "timed_out" };
  if (error.code === "upstream_unreachable" || error.code === "upstream_invalid_response")
    return { ...UNKNOWN, class: "failed" };
  // Another target may have a key that opens.
  if (error.code === "secret_unavailable")
    return { ...UNKNOWN, class: "credential", executed: false };
  if (error.code !== "upstream_rejected") return { ...UNKNOWN, executed: false };
  const { upstreamStatus: status, upstreamCode, retryAfterMs } = error;
  const isRefusedKey = ABOUT_THE_KEY.has(status) || upstreamCode === NO_MONEY;
  return isRefusedKey ? { ...UNKNOWN, class: "credential" } : statusVerdict(status, retryAfterMs);
}
