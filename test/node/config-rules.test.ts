/** The configuration check must fail for every fault it claims to see: each is planted in a copy of the real file. */

import { describe, expect, it } from "vitest";

import { readEnvironment } from "../../scripts/check-config.ts";
import {
  DEPLOYED,
  crossFaults,
  environmentFaults,
  hasPlaceholder,
  type Deployed,
  type EnvironmentConfig,
} from "../../scripts/config-rules.ts";

function planted(name: Deployed, change: Partial<EnvironmentConfig>): string[] {
  return environmentFaults(name, { ...readEnvironment(name), ...change });
}

describe("environmentFaults", () => {
  it("finds nothing wrong with wrangler.toml", () => {
    expect(environmentFaults("development", readEnvironment(undefined))).toEqual([]);
    for (const name of DEPLOYED) expect(environmentFaults(name, readEnvironment(name))).toEqual([]);
  });

  it.each([
    "KEY_DIRECTORY",
    "TENANT",
    "TENANT_GATE",
    "RUN_JOURNAL",
    "TOOL_SHARD",
    "KEPT_RESULT",
    "CONVERSATION",
  ])("sees the object binding %s missing", (gone) => {
    const { bindings } = readEnvironment("eu").durable_objects;
    const faults = planted("eu", {
      durable_objects: { bindings: bindings.filter(({ name }) => name !== gone) },
    });
    expect(faults).toEqual([`eu: no Durable Object binding ${gone}`]);
  });

  it("sees an object bound to its own script in a serving environment, which would split every tenant in two", () => {
    const { bindings } = readEnvironment("objects").durable_objects;
    expect(planted("us", { durable_objects: { bindings } })).toContain(
      "us: TENANT belongs to script itself",
    );
  });

  it.each([
    ["KV", { kv_namespaces: [] }, "no KV namespace RESULTS"],
    ["rate limit", { ratelimits: [] }, "no rate limit KEY_SHIELD"],
    ["cron", { triggers: { crons: [] } }, "no cron trigger"],
    [
      "secrets",
      { secrets: { required: ["KEY_PEPPERS", "MASTER_KEYS"] } },
      "secret BOOTSTRAP_SECRET is not required",
    ],
    ["date", { compatibility_date: undefined }, "no compatibility date"],
    ["placement", { placement: undefined }, "no placement region"],
    ["limits", { limits: undefined }, "no limits.cpu_ms"],
    [
      "flags",
      { compatibility_flags: ["enable_request_signal"] },
      "no compatibility flag global_fetch_strictly_public",
    ],
    ["workers.dev", { workers_dev: true }, "workers_dev is not false"],
    [
      "migrations",
      { migrations: [{ tag: "v1" }] },
      "only the objects environment may carry migrations",
    ],
  ] as const)("sees %s missing or wrong in a region", (_name, change, fault) => {
    expect(planted("apac", change)).toEqual([`apac: ${fault}`]);
  });

  it.each([
    [{ ALLOW_LOOPBACK: "true" }, 'ALLOW_LOOPBACK is not "false"'],
    [{ MODEL_URL: "http://127.0.0.1:9000" }, "variable MODEL_URL belongs to development"],
    [{ JOURNALING: "off" }, "variable JOURNALING belongs to development"],
    [{ SCRIPTED_MODEL: "on" }, "variable SCRIPTED_MODEL belongs to development"],
    [{ TOOLS: "https://localhost/tools" }, "variable TOOLS belongs to development"],
    [{ MASTER_KEYS: "v1:AAAA" }, "secret MASTER_KEYS stands in vars"],
    [{ ROLE: "development" }, "ROLE is development, not region"],
    [{ REGION: "us" }, "REGION is us, not eu"],
  ])("sees the variable %j in a deployed environment", (vars, fault) => {
    expect(planted("eu", { vars: { ...readEnvironment("eu").vars, ...vars } })).toEqual([
      `eu: ${fault}`,
    ]);
  });

  it("sees a router that points at another Worker, or holds an object or a secret", () => {
    const services = readEnvironment("global").services.filter(
      ({ binding }) => binding !== "REGION_EU",
    );
    expect(planted("global", { services })).toEqual([
      "global: service binding REGION_EU is not toolformer-edge-eu",
    ]);
    const { durable_objects: objects } = readEnvironment("eu");
    expect(planted("global", { durable_objects: objects })).toEqual([
      "global: the router may bind no Durable Object",
    ]);
    expect(planted("global", { secrets: { required: ["MASTER_KEYS"] } })).toEqual([
      "global: the router may hold no secret",
    ]);
  });
});

describe("crossFaults", () => {
  it("sees two environments with one KV namespace or two dates", () => {
    const eu = readEnvironment("eu");
    const us = {
      ...readEnvironment("us"),
      compatibility_date: "2026-10-01",
      kv_namespaces: eu.kv_namespaces,
    };
    expect(crossFaults({ eu, us })).toEqual([
      "environments have different compatibility dates: 2026-11-01, 2026-10-01",
      "us and eu share the KV namespace 00000000000000000000000000000012",
    ]);
    expect(crossFaults({ eu, us: readEnvironment("us") })).toEqual([]);
  });
});

describe("hasPlaceholder", () => {
  it("knows the ids of the repository from real ones", () => {
    expect(hasPlaceholder(readEnvironment("us"))).toBe(true);
    const kv_namespaces = [{ binding: "RESULTS", id: "0f2ac74b498b48028cb68387c421e279" }];
    expect(hasPlaceholder({ ...readEnvironment("us"), kv_namespaces })).toBe(false);
  });
});
