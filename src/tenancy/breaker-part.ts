/** BreakerPart: what this isolate has seen of a tenant's upstreams goes along with every exchange, and how they stand comes back. */

import type { TargetWord } from "../contract/breaker.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import type { ExchangePart } from "./exchange-part.ts";
import { tenantUpstreams } from "./upstream-sessions.ts";

/** Questions that are out. */
const MAX_OUT = 1_000;
const OUT_MS = 10_000;

/** What was said in the question that is out, by tenant. */
const said = new BoundedMap<string, readonly TargetWord[]>(MAX_OUT);

/** See above. It never asks for an exchange: what cannot wait is told by itself. */
export const breakerPart: ExchangePart = {
  isDue: () => false,

  collect(tenantId, nowMs) {
    const targets = tenantUpstreams(tenantId, nowMs).collect(nowMs);
    said.set(tenantId, targets, nowMs + OUT_MS);
    return { breakers: { targets } };
  },

  apply(tenantId, { breakers }, _, nowMs) {
    const words = said.get(tenantId, nowMs) ?? [];
    said.delete(tenantId);
    if (breakers !== undefined) tenantUpstreams(tenantId, nowMs).heard(words, breakers, nowMs);
  },
};
