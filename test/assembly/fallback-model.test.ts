/** A model that stands in for those of an upstream that fails. */

import { describe, expect, it } from "vitest";

import { checkFallbackModel } from "../../src/assembly/check-upstream.ts";
import { fallbackModel, MAX_FALLBACK_MODELS } from "../../src/assembly/fallback-model.ts";
import type { ModelEvent } from "../../src/contract/chat.ts";
import type { GatewayError } from "../../src/contract/error.ts";
import type { NamedUpstream } from "../../src/contract/upstream.ts";
import { fail, ok } from "../../src/platform/result.ts";

function named(name: string, fallback?: string): NamedUpstream {
  const targets = [{ id: "main", base_url: "https://api.example.com/v1" }];
  return {
    name,
    version: 1,
    upstream: {
      kind: "openai",
      models: { [name]: {} },
      targets,
      ...(fallback !== undefined && { fallback: { model: fallback } }),
    },
  };
}

const DOWN: GatewayError = { code: "upstream_unreachable", upstream: "a" };
const SAID: ModelEvent = { type: "finish", reason: "stop" };

/** Asks model `a`; models named in `errors` fail so, and the models asked are in order. */
async function ask(
  upstreams: readonly NamedUpstream[],
  errors: Readonly<Record<string, GatewayError>>,
) {
  const asked: unknown[] = [];
  const left: unknown[] = [];
  async function* answer(model: unknown): AsyncGenerator<ModelEvent> {
    try {
      yield SAID;
      yield SAID;
    } finally {
      left.push(model);
    }
  }
  const port = fallbackModel({ upstreams }, (body) => {
    const model = String(body["model"]);
    asked.push(model);
    const error = errors[model];
    return Promise.resolve(error === undefined ? ok(answer(model)) : fail(error));
  });
  const result = await port({ model: "a" }, new AbortController().signal);
  return { asked, left, result };
}

describe("fallbackModel", () => {
  it("is the same port when no upstream has a fallback", () => {
    const port = () => Promise.resolve(fail(DOWN));
    expect(fallbackModel({ upstreams: [named("a")] }, port)).toBe(port);
  });

  it("asks the other model when the upstream fails, and says first who speaks", async () => {
    const { asked, left, result } = await ask([named("a", "b"), named("b")], { a: DOWN });
    expect(asked).toEqual(["a", "b"]);
    const iterator = result.ok ? result.value[Symbol.asyncIterator]() : null;
    expect(await iterator?.next()).toMatchObject({ value: { type: "degraded", model: "b" } });
    expect(await iterator?.next()).toMatchObject({ value: SAID });
    await iterator?.return?.();
    expect(left).toEqual(["b"]);
  });

  it("asks nobody else after an answer, or a failure that is the request's own", async () => {
    const upstreams = [named("a", "b"), named("b")];
    expect((await ask(upstreams, {})).asked).toEqual(["a"]);
    const rejected = { code: "upstream_rejected", upstreamCode: null, retryAfterMs: null } as const;
    for (const error of [
      { ...rejected, upstreamStatus: 400 },
      { code: "quota_exceeded", limit: "tenant", retryAfterMs: 1 },
      { code: "cancelled" },
    ] as const)
      expect((await ask(upstreams, { a: error })).asked).toEqual(["a"]);
    for (const error of [
      { ...rejected, upstreamStatus: 500 },
      { ...rejected, upstreamStatus: 401 },
      { code: "circuit_open", upstream: "a", retryAfterMs: 1 },
      { code: "upstream_credentials_exhausted", upstream: "a", retryAfterMs: 1 },
    ] as const)
      expect((await ask(upstreams, { a: error })).asked).toEqual(["a", "b"]);
  });

  it("gives the first failure when nobody answers, and asks each model once, at most so many", async () => {
    const other: GatewayError = { code: "upstream_timeout" };
    const mutual = await ask([named("a", "b"), named("b", "a")], { a: DOWN, b: other });
    expect(mutual).toMatchObject({ asked: ["a", "b"], result: { ok: false, error: DOWN } });
    const chain = ["a", "b", "c", "d", "e"].map((name, n, all) => named(name, all[n + 1] ?? "f"));
    const down = Object.fromEntries(chain.map(({ name }) => [name, DOWN]));
    expect((await ask(chain, down)).asked).toHaveLength(1 + MAX_FALLBACK_MODELS);
  });
});

describe("checkFallbackModel", () => {
  it("names a model that nobody serves; the upstream itself may", () => {
    expect(checkFallbackModel(named("a"), [])).toEqual([]);
    expect(checkFallbackModel(named("a", "b"), [named("b")])).toEqual([]);
    expect(checkFallbackModel(named("a", "a"), [named("a")])).toEqual([]);
    expect(checkFallbackModel(named("a", "b"), [])).toMatchObject([{ pointer: "/fallback/model" }]);
  });
});
