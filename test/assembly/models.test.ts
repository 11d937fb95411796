import { env } from "cloudflare:workers";
import { inject } from "vitest";
import { describe, expect, it } from "vitest";

import { modelPort, routeModel } from "../../src/assembly/ask-model.ts";
import { checkUpstream } from "../../src/assembly/check-upstream.ts";
import { listModels } from "../../src/assembly/models.ts";
import type { NamedUpstream } from "../../src/contract/upstream.ts";
import { sealSecret } from "../../src/tenancy/sealed.ts";
import { modelUpstream, newCaller } from "../support/run-fixture.ts";

const NEVER = new AbortController().signal;

function named(name: string, models: NamedUpstream["upstream"]["models"]): NamedUpstream {
  const base = modelUpstream(`${inject("servers")["model"]}/v1`);
  return { ...base, name, upstream: { ...base.upstream, models } };
}

function withKey(upstream: NamedUpstream): NamedUpstream {
  const targets = upstream.upstream.targets.map((target) => ({
    ...target,
    api_key: "{{secret.provider}}",
  }));
  return { ...upstream, upstream: { ...upstream.upstream, targets } };
}

describe("routeModel", () => {
  it("takes the first upstream that has the model and its provider's name", async () => {
    const upstreams = [named("a", { fast: { as: "fast-2026" } }), named("b", "*")];
    const { snapshot } = await newCaller({ upstreams });
    expect(routeModel(snapshot, "fast")).toMatchObject({ providerModel: "fast-2026" });
    expect(routeModel(snapshot, "other")).toMatchObject({ providerModel: "other" });
  });

  it("prefers an upstream that names the model to one that takes any, whichever is older", async () => {
    const upstreams = [named("any", "*"), named("own", { fast: {} }), named("late", "*")];
    const { snapshot } = await newCaller({ upstreams });
    expect(routeModel(snapshot, "fast")).toMatchObject({ name: "own" });
    expect(routeModel(snapshot, "other")).toMatchObject({ name: "any" });
  });

  it("finds no model by the name of an inherited property", async () => {
    const { snapshot } = await newCaller({ upstreams: [named("a", {})] });
    expect(routeModel(snapshot, "constructor")).toBeNull();
  });
});

/** Nothing is left behind here. */
const DEFER = (): void => undefined;

describe("modelPort", () => {
  it("model_not_found before anything is sent", async () => {
    const caller = await newCaller({ upstreams: [named("a", {})] });
    const asked = await modelPort(env, caller, DEFER)({ model: "absent", messages: [] }, NEVER);
    expect(asked).toEqual({ ok: false, error: { code: "model_not_found", model: "absent" } });
  });

  it("secret_unavailable when the key is missing or bound to another host", async () => {
    const upstreams = [withKey(named("a", "*"))];
    const missing = await newCaller({ upstreams });
    const body = { model: "scripted-1", messages: [{ role: "user", content: "hi" }] };
    const error = { code: "secret_unavailable", secret: "provider" };
    expect(await modelPort(env, missing, DEFER)(body, NEVER)).toEqual({ ok: false, error });

    const place = { name: "provider", version: 1 };
    const value = await sealSecret(env, missing.snapshot, place, "sk-canary");
    const elsewhere = { ...place, hosts: ["api.example.com"], value };
    const snapshot = { ...missing.snapshot, secrets: [elsewhere] };
    expect(await modelPort(env, { snapshot }, DEFER)(body, NEVER)).toEqual({ ok: false, error });

    const host = new URL(inject("servers")["model"] ?? "").host;
    const bound = { ...missing.snapshot, secrets: [{ ...place, hosts: [host], value }] };
    expect(await modelPort(env, { snapshot: bound }, DEFER)(body, NEVER)).toMatchObject({
      ok: true,
    });
  });

  it("cancelled when the run has ended already", async () => {
    const asked = await modelPort(
      env,
      await newCaller(),
      DEFER,
    )({ model: "scripted-1", messages: [] }, AbortSignal.abort());
    expect(asked).toEqual({ ok: false, error: { code: "cancelled" } });
  });

  it("upstream_timeout when no header comes in time", async () => {
    const slow = modelUpstream(`${inject("servers")["fault"]}/v1`);
    const upstream = { ...slow.upstream, timeouts: { first_byte_ms: 50 } };
    const caller = await newCaller({ upstreams: [{ ...slow, upstream }] });
    const asked = await modelPort(
      env,
      caller,
      DEFER,
    )({ model: "slow-headers", messages: [] }, NEVER);
    const error = { code: "upstream_timeout", upstream: slow.name };
    expect(asked).toEqual({ ok: false, error });
  });
});

describe("listModels", () => {
  it("lists named models, asks an upstream that passes every name, and lists a name once", async () => {
    const upstreams = [named("a", { "scripted-1": {}, mine: {} }), named("b", "*")];
    const { snapshot } = await newCaller({ upstreams });
    const listed = await listModels({ env, snapshot, defer: DEFER }, NEVER);
    expect(listed).toContainEqual({ id: "mine", upstream: "a" });
    expect(listed.filter(({ id }) => id === "scripted-1")).toEqual([
      { id: "scripted-1", upstream: "a" },
    ]);
    expect(listed).toContainEqual({ id: "scripted-slow", upstream: "b" });
  });

  it("lists a name under the upstream that would serve it", async () => {
    const upstreams = [named("any", "*"), named("own", { "scripted-1": {} })];
    const { snapshot } = await newCaller({ upstreams });
    expect(await listModels({ env, snapshot, defer: DEFER }, NEVER)).toContainEqual({
      id: "scripted-1",
      upstream: "own",
    });
  });

  it("leaves out an upstream that is down, sends nonsense or has no usable key", async () => {
    const fault = inject("servers")["fault"];
    const upstreams = [
      modelUpstream("http://127.0.0.1:1/v1"),
      modelUpstream(`${fault}/garbage?`),
      modelUpstream(`${fault}/echo?`),
      withKey(named("c", "*")),
      named("d", { last: {} }),
    ];
    const { snapshot } = await newCaller({ upstreams });
    expect(await listModels({ env, snapshot, defer: DEFER }, NEVER)).toEqual([
      { id: "last", upstream: "d" },
    ]);
  });
});

describe("checkUpstream", () => {
  it("names the target whose address the egress guard refuses", () => {
    const { upstream } = modelUpstream("http://127.0.0.1:9/v1");
    expect(checkUpstream(upstream, { allowLoopback: true })).toEqual([]);
    expect(checkUpstream(upstream, { allowLoopback: false })).toMatchObject([
      { pointer: "/targets/0/base_url" },
    ]);
  });
});
