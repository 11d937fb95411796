import { env } from "cloudflare:workers";
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";

import { loadSnapshot } from "../../src/tenancy/snapshot.ts";
import { operatorObject } from "../../src/tenancy/objects.ts";
import { bootstrap } from "../../src/tenancy/operator.ts";
import { recordOf } from "../support/tenants.ts";

const UNAUTHENTICATED = { ok: false, error: { code: "unauthenticated" } };

describe("bootstrap", () => {
  it.each(["", "wrong", `${env.BOOTSTRAP_SECRET} `, env.BOOTSTRAP_SECRET.slice(1)])(
    "refuses the secret %j",
    async (secret) => {
      expect(await bootstrap(env, secret, Date.now())).toEqual(UNAUTHENTICATED);
    },
  );

  it("refuses a deployment whose secret is too short to be one, even if it matches", async () => {
    const weak = { ...env, BOOTSTRAP_SECRET: "short" };
    expect(await bootstrap(weak, "short", Date.now())).toEqual(UNAUTHENTICATED);
  });

  it("gives the operator key once, and then is gone for good", async () => {
    const nowMs = Date.now();
    const answers = await Promise.all(
      [1, 2, 3].map(() => bootstrap(env, env.BOOTSTRAP_SECRET, nowMs)),
    );
    const [made, ...others] = answers.filter((answer) => answer.ok);
    if (made === undefined || !made.ok) throw new Error("no operator key");
    expect(others).toEqual([]);
    const record = await recordOf(made.value.key);
    expect(record).toMatchObject({
      keyId: made.value.id,
      tenantId: null,
      scopes: ["operator"],
      expiresAtMs: null,
    });
    expect(await loadSnapshot(env, record, nowMs)).toEqual({
      ok: false,
      error: { code: "not_found" },
    });
    await evictDurableObject(operatorObject(env));
    expect(await bootstrap(env, env.BOOTSTRAP_SECRET, nowMs)).toEqual({
      ok: false,
      error: { code: "gone" },
    });
  });
});
