import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";

import { forgetSnapshot, loadSnapshot } from "../../src/tenancy/snapshot.ts";
import { tenantObject } from "../../src/tenancy/objects.ts";
import { newTestTenant } from "../support/tenants.ts";

/** The bindings of a Worker whose `Tenant` object answers `text`. */
function answering(text: string): typeof env {
  const namespace = { getByName: () => ({ snapshot: () => Promise.resolve(text) }) };
  return Object.assign(Object.create(env), { TENANT: namespace });
}

describe("loadSnapshot", () => {
  it("reads what an object one release behind hands out, its policy completed by the preset", async () => {
    const { tenant, record } = await newTestTenant();
    const text = await tenantObject(env, "none", tenant.id).snapshot();
    const old: { policy: Record<string, unknown>; mcpServers?: unknown } = JSON.parse(text ?? "");
    const { resilience } = old.policy;
    delete old.policy["resilience"];
    delete old.mcpServers;
    forgetSnapshot(tenant.id);
    const read = await loadSnapshot(answering(JSON.stringify(old)), record, Date.now());
    forgetSnapshot(tenant.id);
    if (!read.ok) throw new Error(read.error.code);
    expect(resilience).toBeDefined();
    expect(read.value.policy.resilience).toEqual(resilience);
  });
});
