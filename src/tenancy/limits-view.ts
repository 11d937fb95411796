/**
 * LimitsView: how every limit of a tenant stands, for this caller: what is configured, the operator's ceiling for the same, and what the
 * gate knows of its use. What isolates spent of their leases since they last said so counts as leased.
 */

import type { Caller, LimitsNow } from "../contract/admission.ts";
import type { GatewayError } from "../contract/error.ts";
import { ok, type Result } from "../platform/result.ts";
import { reachObject } from "../regions/reach-object.ts";
import {
  allPermits,
  allRates,
  MICROS,
  type LimitedTenant,
  type LimitUnit,
  type ListedRate,
} from "./limit-draws.ts";
import { gateObject } from "./objects.ts";
import type { GateEnv } from "./pass-limits.ts";

/** One limit as `GET /v1/limits` shows it. Money in dollars. */
export interface LimitView {
  /** Also its name in the RateLimit headers. */
  readonly id: string;
  /** `operator`, `tenant`, `key:<id>`, or the kind of thing it is by. */
  readonly level: string;
  readonly unit: LimitUnit | "runs at once" | "calls at once";
  readonly limit: number;
  /** Null for what counts how much goes on at once. */
  readonly window_s: number | null;
  readonly strict: boolean;
  readonly shadow: boolean;
  /** The operator's limit of the same kind and window, null when there is none. */
  readonly ceiling: number | null;
  readonly used: number;
  /** Negative: charged beyond the limit. */
  readonly left: number;
  readonly leased: number;
  readonly resets_in_ms: number;
}

/** Every limit of the tenant. `unavailable` when the gate cannot be reached. */
export async function viewLimits(
  env: GateEnv,
  tenant: LimitedTenant,
  caller: Caller,
): Promise<Result<readonly LimitView[], GatewayError>> {
  const rates = allRates(tenant, caller);
  const permits = allPermits(tenant, caller);
  const gate = gateObject(env, tenant.residency, tenant.tenantId);
  const asked = { rates, concurrency: permits };
  const reached = await reachObject<LimitsNow>(async () => await gate.look(asked));
  if (!reached.ok) return reached;
  const now = reached.value;
  return ok([
    ...rates.flatMap((rate, n) => {
      const stands = now.rates[n];
      return stands === undefined ? [] : [rateView(rate, stands, rates)];
    }),
    ...permits.flatMap((permit, n) => {
      const stands = now.permits[n];
      return stands === undefined ? [] : [permitView(permit, stands, permits)];
    }),
  ]);
}

function rateView(
  { id, level, unit, limit }: ListedRate,
  { burst, left, leased, resetMs }: LimitsNow["rates"][number],
  all: readonly ListedRate[],
): LimitView {
  const scale = unit === "money_usd" ? MICROS : 1;
  const above = all.find(
    (other) =>
      other.level === "operator" && other.unit === unit && other.limit.window_s === limit.window_s,
  );
  return {
    id,
    level,
    unit,
    limit: limit.limit / scale,
    window_s: limit.window_s,
    strict: limit.strict === true,
    shadow: limit.shadow === true,
    ceiling: above === undefined ? null : above.limit.limit / scale,
    used: Math.max(0, burst - left - leased) / scale,
    left: left / scale,
    leased: leased / scale,
    resets_in_ms: resetMs,
  };
}

function permitView(
  { id, max }: { readonly id: string; readonly max: number },
  { held, leased }: LimitsNow["permits"][number],
  all: readonly { readonly id: string; readonly max: number }[],
): LimitView {
  const isCalls = id.endsWith(":calls");
  const above = all.find((other) => other.id === (isCalls ? "operator:calls" : "operator"));
  return {
    id,
    level: isCalls ? id.slice(0, -":calls".length) : id,
    unit: isCalls ? "calls at once" : "runs at once",
    limit: max,
    window_s: null,
    strict: true,
    shadow: false,
    ceiling: above?.max ?? null,
    used: held,
    left: max - held - leased,
    leased,
    resets_in_ms: 0,
  };
}
