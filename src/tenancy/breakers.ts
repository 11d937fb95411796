/**
 * Breakers: what a tenant sees of its own, and how it overrules them.
 *
 * A name stands for something of the tenant's: a model upstream (all its targets, or `<upstream>@<target>`), `tool:<name>`,
 * `mcp:<label>`. Any other name is unknown, also where a breaker of an upstream that is gone is still kept.
 */

import type { BreakerForce, BreakerReport } from "../contract/breaker.ts";
import type { GatewayError } from "../contract/error.ts";
import type { KeyRecord } from "../contract/key.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { reachObject } from "../regions/reach-object.ts";
import { gateObject } from "./objects.ts";
import { loadSnapshot } from "./snapshot.ts";

type BreakerEnv = Pick<Env, "TENANT" | "TENANT_GATE" | "ROLE">;

/** Every breaker of the tenant that was ever needed. */
export async function listBreakers(
  env: BreakerEnv,
  key: KeyRecord,
): Promise<Result<readonly BreakerReport[], GatewayError>> {
  const { tenantId, residency } = key;
  if (tenantId === null) return fail({ code: "not_found" });
  return reachObject(async () => await gateObject(env, residency, tenantId).listBreakers());
}

/** Holds the breakers of that name open or closed, or lets them go; answers how they stand. */
export async function forceBreaker(
  env: BreakerEnv,
  key: KeyRecord,
  name: string,
  { force }: BreakerForce,
): Promise<Result<readonly BreakerReport[], GatewayError>> {
  const { tenantId, residency } = key;
  if (tenantId === null) return fail({ code: "not_found" });
  const snapshot = await loadSnapshot(env, key, Date.now());
  if (!snapshot.ok) return snapshot;
  const targets = breakerNames(snapshot.value, name);
  if (targets.length === 0) return fail({ code: "not_found" });
  const listed = await reachObject(async () => {
    const gate = gateObject(env, residency, tenantId);
    await gate.forceBreakers(targets, force);
    return await gate.listBreakers();
  });
  return listed.ok ? ok(listed.value.filter(({ name: one }) => targets.includes(one))) : listed;
}

/** The breakers a name stands for; none when it stands for nothing. */
function breakerNames(snapshot: TenantSnapshot, name: string): readonly string[] {
  const tool = /^tool:(.+)$/.exec(name)?.[1];
  if (tool !== undefined) return snapshot.tools.some((one) => one.name === tool) ? [name] : [];
  const label = /^mcp:(.+)$/.exec(name)?.[1];
  if (label !== undefined)
    return snapshot.mcpServers.some(({ label: one }) => one === label) ? [name] : [];
  const all = snapshot.upstreams.flatMap((one) =>
    one.upstream.targets.map(({ id }) => ({ upstream: one.name, target: `${one.name}@${id}` })),
  );
  return all
    .filter((one) => one.upstream === name || one.target === name)
    .map(({ target }) => target);
}
