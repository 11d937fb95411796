/** What a cache does for a call: hits, stale answers, early refreshes, questions to the tool, refusals kept for a while. */

import { describe, expect, it } from "vitest";

import { tenantScope } from "../../../src/tools/cache/cache-key.ts";
import { ok } from "../../../src/platform/result.ts";
import type { ToolPorts } from "../../../src/tools/tool-ports.ts";
import type { UpstreamAnswer, UpstreamRequest } from "../../../src/upstream/send.ts";
import { memoryCache, planned, portsFor, run } from "../../support/tool-call.ts";

interface Scripted {
  readonly status?: number;
  readonly text?: string;
  readonly headers?: Record<string, string>;
}

const SCOPE = tenantScope({ tenantId: "tenant" });

/** A cached tool on a clock of its own, whose server answers from a list; its last answer is repeated. */
function scene(cache: object, ...answers: readonly Scripted[]) {
  const state = { nowMs: 1_000_000, random: 0, tookMs: 10 };
  const requests: UpstreamRequest[] = [];
  const { results, settled, kept } = memoryCache(
    () => state.nowMs,
    () => state.random,
  );
  const send: ToolPorts["send"] = (request) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)] ?? {};
    requests.push(request);
    state.nowMs += state.tookMs;
    const { status = 200, text = `"${requests.length}"`, headers = {} } = answer;
    const full: UpstreamAnswer = {
      status,
      contentType: "application/json",
      text,
      headers,
      retryAfterMs: null,
    };
    return Promise.resolve(ok(full));
  };
  const ports = portsFor(
    {},
    { cache: { ttl_s: 60, ...cache } },
    {
      send,
      cache: SCOPE && { scope: SCOPE, results },
      now: () => state.nowMs,
    },
  );
  return {
    state,
    requests,
    kept,
    settled,
    ports,
    call: (overrides: Partial<ToolPorts> = {}) => run({ ...ports, ...overrides }, planned()),
  };
}

describe("a fresh result", () => {
  it("answers to the millisecond, then the tool is asked", async () => {
    const { state, requests, call } = scene({});
    expect(await call()).toMatchObject({ outputJson: '"1"', cache: "miss", attempts: 1 });
    state.nowMs += 59_999;
    expect(await call()).toEqual({
      status: "succeeded",
      outputJson: '"1"',
      cache: "hit",
      cacheLayer: "isolate",
      attempts: 0,
    });
    state.nowMs += 1;
    expect(await call()).toMatchObject({ outputJson: '"2"', cache: "miss" });
    expect(requests).toHaveLength(2);
  });

  it("is refreshed early by one who draws it, and answers that one too", async () => {
    const { state, requests, settled, call } = scene({});
    await call();
    state.nowMs += 59_950;
    state.random = 0.99; // -10 ms x ln 0.01 = 46 ms: not yet
    expect(await call()).toMatchObject({ outputJson: '"1"', cache: "hit" });
    await settled();
    expect(requests).toHaveLength(1);
    state.nowMs += 20;
    expect(await call()).toMatchObject({ outputJson: '"1"', cache: "hit" });
    await settled();
    expect(requests).toHaveLength(2);
    state.nowMs += 40;
    expect(await call()).toMatchObject({ outputJson: '"2"', cache: "hit" });
  });

  it("is as fresh as its server says", async () => {
    const { state, requests, call } = scene({}, { headers: { "cache-control": "max-age=1" } });
    await call();
    state.nowMs += 1000;
    await call();
    expect(requests).toHaveLength(2);
  });

  it("is not kept when its server forbids it", async () => {
    const { kept, call, settled } = scene({}, { headers: { "cache-control": "no-store" } });
    expect(await call()).toMatchObject({ cache: "miss" });
    expect(await call()).toMatchObject({ cache: "miss" });
    await settled();
    expect(kept.size).toBe(0);
  });

  it("is shared by languages only where the tool says that it does not vary by them", async () => {
    for (const [vary, expected] of [
      [undefined, "miss"],
      [["locale"], "miss"],
      [[], "hit"],
    ] as const) {
      const { call } = scene(vary === undefined ? {} : { vary });
      await call({ locale: "en" });
      expect(await call({ locale: "fr" })).toMatchObject({ cache: expected });
    }
  });
});

describe("a stale result", () => {
  it("answers once more while it is asked for anew, then the new one answers", async () => {
    const { state, requests, settled, call } = scene({ stale_s: 10 });
    await call();
    state.nowMs += 60_000;
    expect(await call()).toMatchObject({ status: "succeeded", outputJson: '"1"', cache: "stale" });
    await settled();
    expect(requests).toHaveLength(2);
    expect(await call()).toMatchObject({ outputJson: '"2"', cache: "hit" });
  });

  it("answers to the end of its time and not after it", async () => {
    const { state, call } = scene({ stale_s: 10 }, {}, { status: 500 });
    await call();
    state.nowMs += 69_999;
    expect(await call()).toMatchObject({ cache: "stale" });
    const late = scene({ stale_s: 10 }, {}, { status: 500 });
    await late.call();
    late.state.nowMs += 70_000;
    expect(await late.call()).toMatchObject({ status: "failed", cache: "miss" });
  });

  it("is degraded while its tool fails, which is asked again only after a pause", async () => {
    const { state, requests, settled, call } = scene(
      { stale_s: 100 },
      {},
      { status: 503 },
      { status: 503 },
      {},
    );
    await call();
    state.nowMs += 60_000;
    expect(await call()).toMatchObject({ status: "succeeded", cache: "stale" });
    await settled();
    expect(await call()).toMatchObject({ status: "degraded", outputJson: '"1"', cache: "stale" });
    await settled();
    expect(requests).toHaveLength(2);
    state.nowMs += 1000;
    expect(await call()).toMatchObject({ status: "degraded" });
    await settled();
    state.nowMs += 1000;
    expect(await call()).toMatchObject({ status: "degraded" });
    await settled();
    expect(requests).toHaveLength(4);
    expect(await call()).toMatchObject({ status: "succeeded", outputJson: '"4"', cache: "hit" });
  });

  it("is gone once its tool says that there is nothing (any more), or that it may not be kept", async () => {
    for (const answer of [{ status: 404 }, { headers: { "cache-control": "no-store" } }]) {
      const { state, settled, call } = scene({ stale_s: 100 }, {}, answer);
      await call();
      state.nowMs += 60_000;
      expect(await call()).toMatchObject({ cache: "stale" });
      await settled();
      expect(await call()).toMatchObject({ cache: "miss" });
    }
  });

  it("is refreshed by one call at a time", async () => {
    const { state, requests, settled, call } = scene({ stale_s: 10 });
    await call();
    state.nowMs += 60_000;
    await Promise.all([call(), call(), call()]);
    await settled();
    expect(requests).toHaveLength(2);
  });
});

describe("a result with a validator", () => {
  it("is confirmed by a 304 and fresh again; its validator goes along", async () => {
    const { state, requests, call } = scene(
      {},
      { headers: { etag: '"v1"', "last-modified": "Mon, 23 Nov 2026 10:00:00 GMT" } },
      { status: 304, text: "" },
    );
    await call();
    state.nowMs += 61_000;
    expect(await call()).toEqual({
      status: "succeeded",
      outputJson: '"1"',
      cache: "revalidated",
      attempts: 1,
    });
    expect(requests[1]?.headers).toMatchObject({
      "if-none-match": '"v1"',
      "if-modified-since": "Mon, 23 Nov 2026 10:00:00 GMT",
    });
    expect(await call()).toMatchObject({ cache: "hit" });
    state.nowMs += 61_000;
    expect(await call()).toMatchObject({ cache: "revalidated" });
  });

  it("stays one to be asked about before each use, also when the 304 does not say so again", async () => {
    const headers = { etag: '"v1"', "cache-control": "no-cache" };
    const { call } = scene({}, { headers }, { status: 304 });
    await call();
    for (let n = 0; n < 3; n += 1) expect(await call()).toMatchObject({ cache: "revalidated" });
  });

  it("is replaced when the tool answers in full, and no answer at all when it fails", async () => {
    const headers = { etag: '"v1"', "cache-control": "no-cache" };
    const { call } = scene({}, { headers }, { text: '"new"', headers }, { status: 500 });
    await call();
    expect(await call()).toMatchObject({ outputJson: '"new"', cache: "miss" });
    expect(await call()).toMatchObject({ status: "failed", cache: "miss" });
  });
});

describe("a refusal of the arguments", () => {
  it("answers for its own time where the tool wants that, and is never stale", async () => {
    const { state, requests, call } = scene({ negative_ttl_s: 5, stale_s: 100 }, { status: 404 });
    const first = await call();
    expect(first).toMatchObject({ status: "failed", error: { code: "upstream_status" } });
    state.nowMs += 4999;
    expect(await call()).toMatchObject({ status: "failed", error: first.error, cache: "hit" });
    state.nowMs += 1;
    expect(await call()).toMatchObject({ status: "failed", cache: "miss" });
    expect(requests).toHaveLength(2);
  });

  it.each([401, 403, 408, 429, 500, 503])("is not what %i is: that may pass", async (status) => {
    const { kept, settled, call } = scene({ negative_ttl_s: 5 }, { status });
    await call();
    expect(await call()).toMatchObject({ cache: "miss" });
    await settled();
    expect(kept.size).toBe(0);
  });

  it("is kept by nobody who does not say for how long", async () => {
    const { call } = scene({}, { status: 404 });
    await call();
    expect(await call()).toMatchObject({ cache: "miss" });
  });
});
