/** What a schema cannot say about an upstream: its address must be one the egress guard lets through. */

import type { Violation } from "../contract/error.ts";
import type { Upstream } from "../contract/upstream.ts";
import { checkEgress } from "../upstream/egress-guard.ts";

/** Every refused place of the definition, empty when it may be stored. */
export function checkUpstream(
  upstream: Upstream,
  options: { readonly allowLoopback: boolean },
): readonly Violation[] {
  return upstream.targets.flatMap((target, index) => {
    const checked = checkEgress(target.base_url, options);
    const pointer = `/targets/${index}/base_url`;
    return checked.ok ? [] : [{ pointer, message: checked.error.reason }];
  });
}
