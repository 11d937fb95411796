/** Model upstreams that refuse a key or break off: who is asked next, and what a client and the tenant are told. */

import { describe, expect, inject, it, vi } from "vitest";

import { call } from "../support/http-call.ts";
import { newTestTenant } from "../support/tenants.ts";

const { fault = "" } = inject("servers");
const HOST = new URL(fault).host;

let asked = 0;

/** A tenant whose only upstream has a target for each key, asked in this order. */
async function tenantWithKeys(...keys: readonly string[]) {
  const { key } = await newTestTenant();
  const put = (path: string, body: object) => call(`PUT ${path}`, { key, body });
  const setSecret = (n: number, value: string) =>
    put(`/v1/secrets/k${n}`, { value, hosts: [HOST] });
  for (const [n, value] of keys.entries()) await setSecret(n, value);
  const targets = keys.map((_, n) => ({
    id: `t${n}`,
    base_url: `${fault}/v1`,
    api_key: `{{secret.k${n}}}`,
  }));
  await put("/v1/upstreams/model", { kind: "openai", models: "*", strategy: "priority", targets });
  /** Status, code and message of one question, and how many requests it became. */
  const ask = async (model = "needs-key") => {
    asked += 1;
    const user = `failures-${asked}`;
    const body = { model, messages: [{ role: "user", content: "ping" }], user };
    const answer = await call("POST /v1/chat/completions", { key, body });
    const { error = {} } = await answer.json<{ error?: Record<string, unknown> }>();
    const stats = await (await fetch(`${fault}/stats`)).json<Stats>();
    return {
      said: [answer.status, error["code"] ?? null],
      message: error["message"],
      headers: answer.headers,
      requests: stats.byId[user]?.requests ?? 0,
    };
  };
  const breakers = async () => {
    const listed = await (await call("GET /v1/breakers", { key })).json<{ data: unknown[] }>();
    return listed.data;
  };
  return { ask, breakers, setSecret };
}

interface Stats {
  readonly byId: Readonly<Record<string, { readonly requests: number }>>;
}

describe("a model upstream that refuses a key", () => {
  it.each([401, 402, 403])(
    "200 with another target's key after a %i, and the refused one is not sent again",
    async (status) => {
      const { ask, breakers } = await tenantWithKeys(`bad-${status}`, "good");
      expect(await ask()).toMatchObject({ said: [200, null], requests: 2 });
      expect(await ask()).toMatchObject({ said: [200, null], requests: 1 });
      await vi.waitFor(async () =>
        expect(await breakers()).toMatchObject([
          { name: "model@t0", state: "open", cause: "credential", openings: 0 },
        ]),
      );
    },
  );

  it("503 upstream_credentials_exhausted when none is left, and nothing is sent", async () => {
    const { ask } = await tenantWithKeys("bad-401", "bad-403");
    expect(await ask()).toMatchObject({
      said: [503, "upstream_credentials_exhausted"],
      requests: 2,
    });
    const refused = await ask();
    expect(refused).toMatchObject({ said: [503, "upstream_credentials_exhausted"], requests: 0 });
    expect(refused.message).toContain("model");
    const waitS = Number(refused.headers.get("retry-after"));
    expect(waitS).toBeGreaterThan(0);
    expect(waitS).toBeLessThanOrEqual(30);
    expect(refused.headers.get("x-should-retry")).toBe("false");
  });

  it("200 at once after the secret was replaced, and the breaker is closed again", async () => {
    const { ask, breakers, setSecret } = await tenantWithKeys("bad-401");
    expect((await ask()).said).toEqual([502, "upstream_rejected"]);
    expect((await ask()).said).toEqual([503, "upstream_credentials_exhausted"]);
    await setSecret(0, "good");
    expect(await ask()).toMatchObject({ said: [200, null], requests: 1 });
    await vi.waitFor(async () =>
      expect(await breakers()).toMatchObject([{ name: "model@t0", state: "closed" }]),
    );
    expect(await ask()).toMatchObject({ said: [200, null], requests: 1 });
  });
});

describe("a model upstream whose answers break off", () => {
  it("503 circuit_open after a few of them", async () => {
    const { ask } = await tenantWithKeys("good");
    const said = [];
    for (let n = 0; n < 10; n += 1) said.push((await ask("cut-mid-stream")).said);
    expect(said[0]).toEqual([502, "upstream_invalid_response"]);
    expect(said.at(-1)).toEqual([503, "circuit_open"]);
  });

  it("502 that names the upstream, and says of half an answer that it is one", async () => {
    const [{ ask }, { ask: askOther }] = [
      await tenantWithKeys("good"),
      await tenantWithKeys("good"),
    ];
    expect((await ask("cut-json")).message).toBe(
      "The answer of the upstream model broke off before it was complete.",
    );
    expect((await ask("html")).message).toBe(
      "The answer of the upstream model could not be understood.",
    );
    expect((await ask("down")).message).toContain("upstream model could not be reached");
    expect((await askOther("status-500")).message).toContain(
      "upstream model answered with status 500",
    );
  });
});
