/**
 * What a schema cannot say about an upstream: its address must be one the egress guard lets through, and somebody must serve
 * the model that stands in for its own.
 */

import type { Violation } from "../contract/error.ts";
import type { NamedUpstream, Upstream } from "../contract/upstream.ts";
import { checkEgress } from "../upstream/egress-guard.ts";
import { routeModel } from "./ask-model.ts";

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

/** What speaks against the model that stands in, among the tenant's upstreams as they are stored now. */
export function checkFallbackModel(
  named: NamedUpstream,
  stored: readonly NamedUpstream[],
): readonly Violation[] {
  const { fallback } = named.upstream;
  const others = stored.filter(({ name }) => name !== named.name);
  const upstreams = [...others, named];
  if (fallback === undefined || routeModel({ upstreams }, fallback.model) !== null) return [];
  return [{ pointer: "/fallback/model", message: "No upstream of yours serves this model." }];
}
