/**
 * LimitDraws: which limits a request, a call or a model's turn has to pass, and what it takes of each.
 *
 * The levels are the operator's ceiling, the tenant's policy, the key's own limits, and in the policy those by upstream, tool, group,
 * key and subject. The id of a limit names its bucket in the gate for good, so it carries level, kind and window, and how it is
 * kept where that differs. A subject's id is hashed: what the gate keeps says nothing of a person.
 */

import type { AdmissionRequest } from "../contract/admission.ts";
import type { Caller } from "../contract/admission.ts";
import type { Limits, MoneyLimit, RequestLimit } from "../contract/limits.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";

/** What of a tenant's snapshot limits depend on. */
export type LimitedTenant = Pick<TenantSnapshot, "tenantId" | "residency" | "ceiling" | "policy">;

/** Money is counted in millionths of a dollar. */
export const MICROS = 1_000_000;

type Rates = AdmissionRequest["rates"];

/** A rate limit with the level it stands on. */
interface Level {
  readonly id: string;
  readonly limits: Limits;
}

/** What a run takes when it is admitted: a request of each level, and its place among the concurrent runs. */
export function runDraws(
  tenant: LimitedTenant,
  caller: Caller,
): Pick<AdmissionRequest, "rates" | "concurrency"> {
  const levels = levelsOf(tenant, caller);
  const { keys, subjects } = tenant.policy.limits;
  const subject = caller.subject ?? null;
  return {
    rates: [
      ...levels.flatMap(({ id, limits }) => ratesOf(id, limits.requests)),
      ...named("keys", keys, caller.keyId, caller.keyId),
      ...(subject === null ? [] : named("subjects", subjects, subject.name, subject.hash)),
    ],
    concurrency: permitsOf(levels, "concurrent_runs", ""),
  };
}

/** What one call of a tool takes. */
export function callDraws(
  tenant: LimitedTenant,
  caller: Caller,
  { tool, group }: { readonly tool: string; readonly group?: string | undefined },
): Pick<AdmissionRequest, "rates" | "concurrency"> {
  const levels = levelsOf(tenant, caller);
  const { tools, groups } = tenant.policy.limits;
  return {
    rates: [
      ...levels.flatMap(({ id, limits }) => ratesOf(`${id}:calls`, limits.calls)),
      ...named("tools", tools, tool, tool),
      ...(group === undefined ? [] : named("groups", groups, group, group)),
    ],
    concurrency: permitsOf(levels, "concurrent_calls", ":calls"),
  };
}

/** What one turn of a model takes: a turn of its upstream, the tokens, and what they cost in US dollars. */
export function turnDraws(
  tenant: LimitedTenant,
  caller: Caller,
  turn: { readonly upstream: string; readonly tokens: number; readonly usd: number },
): Rates {
  const levels = levelsOf(tenant, caller);
  return [
    ...named("upstreams", tenant.policy.limits.upstreams, turn.upstream, turn.upstream),
    ...levels.flatMap(({ id, limits }) => [
      ...ratesOf(`${id}:tokens`, limits.tokens, Math.ceil(turn.tokens)),
      ...ratesOf(`${id}:money_usd`, limits.money_usd?.map(inMicros), Math.ceil(turn.usd * MICROS)),
    ]),
  ];
}

/** True when turns of models are limited by anything, so that their tokens are worth estimating. */
export function limitsTurns(tenant: LimitedTenant, caller: Caller): boolean {
  return turnDraws(tenant, caller, { upstream: "", tokens: 1, usd: 1 }).length > 0
    ? true
    : tenant.policy.limits.upstreams !== undefined;
}

/** What a limit counts. */
export type LimitUnit = "requests" | "calls" | "tokens" | "money_usd" | "turns";

/** One rate limit of a tenant, with what it counts and at which level. */
export interface ListedRate {
  readonly level: string;
  readonly unit: LimitUnit;
  readonly id: string;
  /** As the gate keeps it: money in millionths of a dollar. */
  readonly limit: RequestLimit;
}

/** Every rate limit of a tenant for this caller; those of subjects and of `*` stand for many and are not listed. */
export function allRates(tenant: LimitedTenant, caller: Caller): readonly ListedRate[] {
  const { upstreams, tools, groups, keys } = tenant.policy.limits;
  return [
    ...levelsOf(tenant, caller).flatMap(({ id: level, limits }) => [
      ...listed(level, "requests", ratesOf(level, limits.requests)),
      ...listed(level, "calls", ratesOf(`${level}:calls`, limits.calls)),
      ...listed(level, "tokens", ratesOf(`${level}:tokens`, limits.tokens)),
      ...listed(level, "money_usd", ratesOf(`${level}:money_usd`, limits.money_usd?.map(inMicros))),
    ]),
    ...eachNamed("upstreams", "turns", upstreams),
    ...eachNamed("tools", "calls", tools),
    ...eachNamed("groups", "calls", groups),
    ...eachNamed("keys", "requests", keys),
  ];
}

function listed(level: string, unit: LimitUnit, rates: Rates): readonly ListedRate[] {
  return rates.map(({ id, limit }) => ({ level, unit, id, limit }));
}

function eachNamed(
  kind: string,
  unit: LimitUnit,
  limits: Limits["tools"] = {},
): readonly ListedRate[] {
  return Object.keys(limits)
    .filter((name) => name !== "*")
    .flatMap((name) => listed(kind, unit, named(kind, limits, name, name)));
}

/** The concurrency limits of a tenant. */
export function allPermits(tenant: LimitedTenant, caller: Caller): AdmissionRequest["concurrency"] {
  const levels = levelsOf(tenant, caller);
  return [
    ...permitsOf(levels, "concurrent_runs", ""),
    ...permitsOf(levels, "concurrent_calls", ":calls"),
  ];
}

function levelsOf({ ceiling, policy }: LimitedTenant, { keyId, limits }: Caller): readonly Level[] {
  return [
    { id: "operator", limits: ceiling },
    { id: "tenant", limits: policy.limits },
    { id: `key:${keyId}`, limits: limits ?? {} },
  ];
}

function ratesOf(level: string, limits: readonly RequestLimit[] | undefined, cost = 1): Rates {
  if (limits === undefined) return [];
  const seen = new Map<string, number>();
  return limits.map((limit) => {
    const name = `${level}:${limit.window_s}${limit.strict === true ? ":strict" : ""}`;
    const nth = (seen.get(name) ?? 0) + 1;
    seen.set(name, nth);
    // Two limits of one window differ in burst only; each has its own bucket.
    return { id: nth === 1 ? name : `${name}:${nth}`, limit, cost };
  });
}

function named(kind: string, limits: Limits["tools"], name: string, id: string): Rates {
  if (limits === undefined) return [];
  const limit = Object.hasOwn(limits, name) ? limits[name] : limits["*"];
  return limit === undefined ? [] : [{ id: `${kind}:${id}:${limit.window_s}`, limit, cost: 1 }];
}

function permitsOf(
  levels: readonly Level[],
  kind: "concurrent_runs" | "concurrent_calls",
  suffix: string,
): AdmissionRequest["concurrency"] {
  return levels.flatMap(({ id, limits }) => {
    const max = limits[kind];
    return max === undefined ? [] : [{ id: id + suffix, max }];
  });
}

function inMicros({ limit, burst, ...rest }: MoneyLimit): RequestLimit {
  return {
    ...rest,
    limit: Math.round(limit * MICROS),
    ...(burst !== undefined && { burst: Math.round(burst * MICROS) }),
  };
}
