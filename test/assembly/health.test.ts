import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";

import { checkHealth, probeDependencies } from "../../src/assembly/health.ts";

const BROKEN_KV = { get: () => Promise.reject(new Error("KV is away")) };

type HealthEnv = Parameters<typeof checkHealth>[0];

/** The real environment with a KV namespace that fails. */
function withBrokenKv(): HealthEnv {
  const { ROLE, REGION, KEY_DIRECTORY, RESULTS } = env;
  return { ROLE, REGION, KEY_DIRECTORY, RESULTS: Object.assign(Object.create(RESULTS), BROKEN_KV) };
}

// The first call of an object loads the Worker's code, which takes longer on a busy machine than a probe may.
beforeAll(async () => {
  await env.KEY_DIRECTORY.getByName("probe").findTenant("probe");
});

describe("probeDependencies", () => {
  it("is satisfied by real objects and a real KV namespace", async () => {
    expect(await probeDependencies(env)).toEqual({ objects: true, kv: true });
  });

  it("names the dependency that failed and never rejects", async () => {
    expect(await probeDependencies(withBrokenKv())).toEqual({ objects: true, kv: false });
  });
});

describe("checkHealth", () => {
  it("logs nothing while all is well, and one line when something is missing", async () => {
    const lines: string[] = [];
    await checkHealth(env, (line) => lines.push(line));
    expect(lines).toEqual([]);
    await checkHealth(withBrokenKv(), (line) => lines.push(line));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ objects: true, kv: false }]);
  });
});
