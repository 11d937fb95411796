import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";

import { Policy, Profile, type PolicyVersion } from "../../src/contract/policy.ts";
import {
  defaultPolicy,
  patchPolicy,
  policyVersions,
  readPolicy,
  rollbackPolicy,
} from "../../src/tenancy/policy.ts";
import { loadSnapshot } from "../../src/tenancy/snapshot.ts";
import { patchTenant } from "../../src/tenancy/tenants.ts";
import type { KeyRecord } from "../../src/contract/key.ts";
import { newTestTenant } from "../support/tenants.ts";

const OPERATOR: KeyRecord = {
  keyId: "key_operator",
  tenantId: null,
  residency: "none",
  scopes: ["operator"],
  tools: null,
  limits: null,
  expiresAtMs: null,
};

async function patched(key: KeyRecord, patch: unknown): Promise<PolicyVersion> {
  const outcome = await patchPolicy(env, key, patch, null);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.error));
  return outcome.value;
}

describe("defaultPolicy", () => {
  it.each(Profile.options)("is a complete policy that limits requests for %s", (profile) => {
    const policy = defaultPolicy(profile, "de");
    expect(Policy.parse(policy)).toEqual(policy);
    expect(policy.limits.requests?.length).toBeGreaterThan(0);
    expect(policy.locale).toBe("de");
  });

  it("differs by role in the heartbeat only", () => {
    const deployed = defaultPolicy("robust", "auto");
    const development = defaultPolicy("robust", "auto", env);
    expect(deployed.runs.heartbeat_ms).toBe(2000);
    expect(development.runs.heartbeat_ms).toBe(100);
    expect({ ...development, runs: deployed.runs }).toEqual(deployed);
  });
});

describe("patchPolicy", () => {
  it("merges, counts the version up and says who did it", async () => {
    const { record } = await newTestTenant();
    const before = await readPolicy(env, record);
    if (!before.ok) throw new Error("no policy");
    const after = await patched(record, { runs: { max_turns: 3 } });
    expect(after).toMatchObject({ version: 2, author: record.keyId });
    expect(after.policy).toEqual({
      ...before.value.policy,
      runs: { ...before.value.policy.runs, max_turns: 3 },
    });
    expect(await readPolicy(env, record)).toEqual({ ok: true, value: after });
  });

  it.each([
    [{ runs: { max_turns: 0 } }, "/runs/max_turns"],
    [{ runs: { max_turns: "8" } }, "/runs/max_turns"],
    [{ runs: { nonsense: 1 } }, "/runs/nonsense"],
    [{ nonsense: { a: 1 } }, "/nonsense"],
    [
      {
        limits: {
          requests: [
            { limit: 1, window_s: 60 },
            { limit: 0, window_s: 60 },
          ],
        },
      },
      "/limits/requests/1/limit",
    ],
    [{ profile: "fastest" }, "/profile"],
    [{ locale: "not a locale!" }, "/locale"],
    [{ cache: "yes" }, "/cache"],
  ])("refuses %j with the pointer %s and changes nothing", async (patch, pointer) => {
    const { record } = await newTestTenant();
    expect(await patchPolicy(env, record, patch, null)).toMatchObject({
      ok: false,
      error: { code: "validation_failed", violations: [{ pointer }] },
    });
    expect(await readPolicy(env, record)).toMatchObject({ ok: true, value: { version: 1 } });
  });

  it.each([null, 7, "x", [{}], true])("refuses %j, which is no object", async (patch) => {
    const { record } = await newTestTenant();
    expect(await patchPolicy(env, record, patch, null)).toMatchObject({
      ok: false,
      error: { code: "validation_failed", violations: [{ pointer: "" }] },
    });
  });

  it("takes a field back to the preset with null, at any depth", async () => {
    const { record } = await newTestTenant();
    await patched(record, { runs: { max_turns: 3, max_calls: 9 }, cache: { enabled: false } });
    const after = await patched(record, { runs: { max_turns: null }, cache: null });
    expect(after.policy.runs).toMatchObject({ max_turns: 8, max_calls: 9 });
    expect(after.policy.cache).toEqual({ enabled: true });
    const limits = await patched(record, { limits: { requests: null } });
    expect(limits.policy.limits.requests).toEqual([{ limit: 6000, window_s: 60, burst: 1000 }]);
  });

  it("starts from another profile's preset, keeping limits and locale", async () => {
    const { record } = await newTestTenant();
    await patched(record, { limits: { concurrent_runs: 7 }, locale: "fr", runs: { max_turns: 2 } });
    const after = await patched(record, { profile: "simple", runs: { max_calls: 5 } });
    expect(after.policy).toMatchObject({
      profile: "simple",
      locale: "fr",
      limits: { concurrent_runs: 7 },
      runs: { max_turns: 8, max_calls: 5 },
      cache: { enabled: false },
    });
  });

  it("refuses the version that is not in force", async () => {
    const { record } = await newTestTenant();
    expect((await patchPolicy(env, record, { locale: "de" }, 1)).ok).toBe(true);
    expect(await patchPolicy(env, record, { locale: "fr" }, 1)).toEqual({
      ok: false,
      error: { code: "precondition_failed" },
    });
    expect((await patchPolicy(env, record, { locale: "fr" }, 2)).ok).toBe(true);
  });

  it("lets one of two writers of the same version win", async () => {
    const { record } = await newTestTenant();
    const outcomes = await Promise.all(
      ["de", "fr", "es"].map((locale) => patchPolicy(env, record, { locale }, 1)),
    );
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(1);
  });

  it.each([
    [{ limits: { concurrent_runs: 11 } }, "/limits/concurrent_runs"],
    [{ limits: { requests: [{ limit: 101, window_s: 60 }] } }, "/limits/requests/0/limit"],
    [
      {
        limits: {
          requests: [
            { limit: 1, window_s: 1 },
            { limit: 100, window_s: 60, burst: 51 },
          ],
        },
      },
      "/limits/requests/1/burst",
    ],
  ])("refuses %j, above the ceiling, with the pointer %s", async (patch, pointer) => {
    const limits = { requests: [{ limit: 100, window_s: 60, burst: 50 }], concurrent_runs: 10 };
    const { record } = await newTestTenant({ limits });
    expect(await patchPolicy(env, record, patch, null)).toMatchObject({
      ok: false,
      error: { code: "unprocessable", violations: [{ pointer }] },
    });
  });

  it("does not refuse an unrelated change because the ceiling was lowered since", async () => {
    const { tenant, record } = await newTestTenant();
    await patchTenant(env, tenant.id, { limits: { concurrent_runs: 1 } });
    expect((await patchPolicy(env, record, { locale: "de" }, null)).ok).toBe(true);
    expect((await patchPolicy(env, record, { limits: { concurrent_runs: 2 } }, null)).ok).toBe(
      false,
    );
  });

  it("is seen by the next request on this isolate", async () => {
    const { record } = await newTestTenant();
    const nowMs = Date.now();
    await loadSnapshot(env, record, nowMs);
    await patched(record, { runs: { max_turns: 5 } });
    const snapshot = await loadSnapshot(env, record, nowMs);
    expect(snapshot).toMatchObject({
      ok: true,
      value: { policyVersion: 2, policy: { runs: { max_turns: 5 } } },
    });
  });
});

describe("rollbackPolicy", () => {
  it("puts an old version in force again as a new one", async () => {
    const { record } = await newTestTenant();
    const first = await readPolicy(env, record);
    if (!first.ok) throw new Error("no policy");
    await patched(record, { runs: { max_turns: 3 } });
    const back = await rollbackPolicy(env, record, 1);
    expect(back).toMatchObject({
      ok: true,
      value: { version: 3, policy: first.value.policy, author: record.keyId },
    });
    expect(await rollbackPolicy(env, record, 99)).toMatchObject({ error: { code: "not_found" } });
  });

  it("refuses a version above a ceiling lowered since", async () => {
    const { tenant, record } = await newTestTenant();
    await patchTenant(env, tenant.id, { limits: { concurrent_runs: 1 } });
    await patched(record, { limits: { concurrent_runs: 1 } });
    expect(await rollbackPolicy(env, record, 1)).toMatchObject({
      ok: false,
      error: { code: "unprocessable", violations: [{ pointer: "/limits/concurrent_runs" }] },
    });
  });
});

describe("policyVersions", () => {
  it("lists newest first, in pages, and keeps at most a hundred", async () => {
    const { record } = await newTestTenant();
    for (let n = 1; n <= 101; n += 1) await patched(record, { runs: { max_calls: n } });
    const first = await policyVersions(env, record, { after: null, limit: 60 });
    if (!first.ok) throw new Error("no list");
    expect(first.value.data[0]?.version).toBe(102);
    expect(first.value.next).toBe("43");
    const second = await policyVersions(env, record, { after: first.value.next, limit: 60 });
    if (!second.ok) throw new Error("no list");
    expect(second.value.data.at(-1)?.version).toBe(3);
    expect(second.value).toMatchObject({ has_more: false, next: null });
    expect(first.value.data.length + second.value.data.length).toBe(100);
  });

  it("has nothing after a cursor it never gave out", async () => {
    const { record } = await newTestTenant();
    const listed = await policyVersions(env, record, { after: "x", limit: 5 });
    expect(listed).toEqual({ ok: true, value: { data: [], has_more: false, next: null } });
  });
});

describe("an operator's key", () => {
  it("has no policy", async () => {
    const notFound = { ok: false, error: { code: "not_found" } };
    expect(await readPolicy(env, OPERATOR)).toEqual(notFound);
    expect(await patchPolicy(env, OPERATOR, {}, null)).toEqual(notFound);
    expect(await rollbackPolicy(env, OPERATOR, 1)).toEqual(notFound);
    expect(await policyVersions(env, OPERATOR, { after: null, limit: 1 })).toEqual(notFound);
    const unknown = { ...OPERATOR, tenantId: "ten_unknown" };
    expect(await patchPolicy(env, unknown, {}, null)).toEqual(notFound);
  });
});
