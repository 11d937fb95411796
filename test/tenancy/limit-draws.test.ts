import { describe, expect, it } from "vitest";

import type { Caller } from "../../src/contract/admission.ts";
import { Limits } from "../../src/contract/limits.ts";
import {
  callDraws,
  limitsTurns,
  runDraws,
  turnDraws,
  type LimitedTenant,
} from "../../src/tenancy/limit-draws.ts";
import { defaultPolicy } from "../../src/tenancy/policy.ts";
import { aboveCeiling } from "../../durable-objects/tenant/ceiling.ts";

const CALLER: Caller = {
  keyId: "k",
  limits: { calls: [{ limit: 3, window_s: 60 }] },
  subject: { name: "ann", hash: "5ub" },
};

function tenant(own: Limits, ceiling: Limits = {}): LimitedTenant {
  const policy = { ...defaultPolicy("robust", "auto"), limits: own };
  return { tenantId: "t", residency: "none", ceiling, policy };
}

const HOUR = { limit: 5, window_s: 3600 };

describe("what a run takes", () => {
  it("is a request of each level, of its key and of its subject, whose name is not in the id", () => {
    const limited = tenant(
      {
        requests: [HOUR, { ...HOUR, strict: true }],
        keys: { "*": HOUR },
        subjects: { ann: HOUR, bob: HOUR },
        concurrent_runs: 4,
      },
      { requests: [HOUR] },
    );
    const { rates, concurrency } = runDraws(limited, CALLER);
    expect(rates.map(({ id, cost }) => [id, cost])).toEqual([
      ["operator:3600", 1],
      ["tenant:3600", 1],
      ["tenant:3600:strict", 1],
      ["keys:k:3600", 1],
      ["subjects:5ub:3600", 1],
    ]);
    expect(concurrency).toEqual([{ id: "tenant", max: 4 }]);
  });

  it("has no subject's limit when the request names none", () => {
    const limited = tenant({ subjects: { "*": HOUR } });
    expect(runDraws(limited, { ...CALLER, subject: null }).rates).toEqual([]);
    expect(runDraws(limited, CALLER).rates).toHaveLength(1);
  });
});

describe("what a call takes", () => {
  it("is a call of each level, of its tool and of its group", () => {
    const limited = tenant({
      calls: [HOUR],
      tools: { a: HOUR },
      groups: { g: HOUR },
      concurrent_calls: 2,
    });
    const { rates, concurrency } = callDraws(limited, CALLER, { tool: "a", group: "g" });
    expect(rates.map(({ id }) => id)).toEqual([
      "tenant:calls:3600",
      "key:k:calls:60",
      "tools:a:3600",
      "groups:g:3600",
    ]);
    expect(concurrency).toEqual([{ id: "tenant:calls", max: 2 }]);
    expect(callDraws(limited, CALLER, { tool: "b" }).rates).toHaveLength(2);
  });
});

describe("what a model's turn takes", () => {
  const turn = { upstream: "main", tokens: 12.2, usd: 0.000_001_2 };

  it("is a turn of its upstream, the tokens, and the money in millionths of a dollar", () => {
    const limited = tenant({
      upstreams: { main: HOUR },
      tokens: [{ limit: 1000, window_s: 60 }],
      money_usd: [{ limit: 0.5, window_s: 60, burst: 0.25 }],
    });
    expect(turnDraws(limited, CALLER, turn)).toEqual([
      { id: "upstreams:main:3600", limit: HOUR, cost: 1 },
      { id: "tenant:tokens:60", limit: { limit: 1000, window_s: 60 }, cost: 13 },
      {
        id: "tenant:money_usd:60",
        limit: { limit: 500_000, window_s: 60, burst: 250_000 },
        cost: 2,
      },
    ]);
    expect(limitsTurns(limited, CALLER)).toBe(true);
  });

  it("is not even estimated when nothing limits it", () => {
    expect(limitsTurns(tenant({ requests: [HOUR] }), CALLER)).toBe(false);
    expect(limitsTurns(tenant({ upstreams: { main: HOUR } }), CALLER)).toBe(true);
  });
});

describe("the operator's ceiling", () => {
  it("names every value above it, of every kind", () => {
    const high = { limit: 9, window_s: 60 };
    const low = { limit: 5, window_s: 60 };
    const of = (limit: typeof low): Limits => ({
      requests: [limit],
      calls: [limit],
      tokens: [limit],
      money_usd: [limit],
      concurrent_runs: limit.limit,
      concurrent_calls: limit.limit,
      upstreams: { u: limit },
      tools: { "a/b": limit },
      groups: { g: limit },
      keys: { k: limit },
      subjects: { s: limit },
    });
    const pointers = aboveCeiling(of(high), of(low), "/limits").map(({ pointer }) => pointer);
    expect(pointers).toEqual([
      "/limits/requests/0/limit",
      "/limits/calls/0/limit",
      "/limits/tokens/0/limit",
      "/limits/money_usd/0/limit",
      "/limits/concurrent_runs",
      "/limits/concurrent_calls",
      "/limits/upstreams/u/limit",
      "/limits/tools/a~1b/limit",
      "/limits/groups/g/limit",
      "/limits/keys/k/limit",
      "/limits/subjects/s/limit",
    ]);
    expect(aboveCeiling(of(low), of(high), "")).toEqual([]);
  });
});

describe("limits that cannot be", () => {
  it.each([
    [{ requests: [{ limit: 0, window_s: 1 }] }],
    [{ requests: [{ limit: -1, window_s: 1 }] }],
    [{ requests: [{ limit: 1.5, window_s: 1 }] }],
    [{ requests: [{ limit: 1e12, window_s: 1 }] }],
    [{ requests: [{ limit: 1, window_s: 86_401 }] }],
    [{ requests: [{ limit: 1, window_s: 1, burst: 1, strict: true }] }],
    [{ money_usd: [{ limit: 0, window_s: 1 }] }],
    [{ concurrent_calls: 0 }],
    [{ tools: { "no tool!": HOUR } }],
    [{ subjects: { "": HOUR } }],
    [{ calls: Array.from({ length: 5 }, () => HOUR) }],
    [{ turbo: 1 }],
  ])("are refused: %j", (limits) => {
    expect(Limits.safeParse(limits).success).toBe(false);
  });
});
