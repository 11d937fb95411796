/**
 * LeasePart: this isolate's leases, by tenant, and their part in the exchange with the gate.
 *
 * The state is plain data of the isolate and may be lost at any moment: what was lent and not spent is then gone, which
 * never admits anything more.
 */

import { LeaseHolder, type LeaseQuestion } from "../algorithms/lease-holder.ts";
import { leaseLifeMs } from "../algorithms/lease-size.ts";
import type { RequestLimit } from "../contract/limits.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import type { ExchangePart } from "./exchange-part.ts";

/** Tenants an isolate holds leases of, and how long those of an unused one are kept. */
const MAX_TENANTS = 1000;
const KEPT_MS = 600_000;

/** A new round trip counts this much in the average. */
const ROUND_TRIP_WEIGHT = 0.2;

/** Where a tenant's leases stand in this isolate. */
export interface TenantLeases {
  readonly holder: LeaseHolder<RequestLimit>;
  /** Average round trip to the gate, milliseconds. */
  roundTripMs: number;
  /** The longest a run of this tenant may hold a permit. */
  permitTtlMs: number;
  question: LeaseQuestion<RequestLimit> | null;
  /** Until then a request stays behind to give permits back. */
  lingersUntilMs: number;
  /** Until then a request stays behind to tell what is owed. */
  tellsUntilMs: number;
}

const tenants = new BoundedMap<string, TenantLeases>(MAX_TENANTS);

/** The leases of a tenant. */
export function leasesOf(tenantId: string, nowMs: number): TenantLeases {
  const known = tenants.get(tenantId, nowMs);
  const leases: TenantLeases = known ?? {
    holder: new LeaseHolder(
      ({ limit, window_s, burst, strict }) => `${limit} ${window_s} ${burst} ${strict}`,
    ),
    roundTripMs: 0,
    permitTtlMs: 0,
    question: null,
    lingersUntilMs: 0,
    tellsUntilMs: 0,
  };
  tenants.set(tenantId, leases, nowMs + KEPT_MS);
  return leases;
}

/** How long a lease of this tenant should live, by its round trips. */
export function leaseMs({ roundTripMs }: TenantLeases): number {
  return leaseLifeMs(roundTripMs);
}

/** Notes how long the gate took to answer. */
export function noteRoundTrip(leases: TenantLeases, tookMs: number): void {
  leases.roundTripMs += (Math.max(0, tookMs) - leases.roundTripMs) * ROUND_TRIP_WEIGHT;
}

/** Renews leases. */
export const leasePart: ExchangePart = {
  isDue(tenantId, nowMs) {
    const leases = tenants.get(tenantId, nowMs);
    return leases !== undefined && (leases.holder.isDue || leases.holder.hasIdlePermits(nowMs));
  },

  collect(tenantId, nowMs) {
    const leases = leasesOf(tenantId, nowMs);
    const question = leases.holder.ask(leaseMs(leases), nowMs);
    leases.question = question;
    return { leases: { ...question, permitTtlMs: leases.permitTtlMs } };
  },

  apply(tenantId, answer, sentAtMs, nowMs) {
    const leases = leasesOf(tenantId, nowMs);
    noteRoundTrip(leases, nowMs - sentAtMs);
    if (answer.leases === undefined || leases.question === null) return;
    leases.holder.accept(leases.question, answer.leases, sentAtMs, nowMs);
  },
};
