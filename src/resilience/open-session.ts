/** The session of calls that nothing is known about: every request may go, none is repeated. */

import type { UpstreamSession } from "../contract/upstream-session.ts";

/** See above. It keeps nothing. */
export const OPEN_SESSION: UpstreamSession = {
  policy: {
    retry: { max_attempts: 1, budget: 0 },
    hedge: { enabled: false, quantile: 0.95, budget: 0 },
    breaker: { enabled: false },
    concurrency: "off",
  },
  held: () => null,
  enter: (target) => ({ target, probe: null, isLeased: false }),
  probe: () => Promise.resolve(null),
  report: () => undefined,
  takeRetryToken: () => false,
  hedgeAfterMs: () => null,
  lateMs: () => null,
  takeHedgeToken: () => false,
};
