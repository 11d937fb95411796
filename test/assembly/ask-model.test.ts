import { describe, expect, it } from "vitest";

import { timeoutsOf } from "../../src/assembly/ask-model.ts";
import { Upstream } from "../../src/contract/upstream.ts";

const upstreamWith = (timeouts: object) =>
  Upstream.parse({
    kind: "openai",
    models: "*",
    targets: [{ id: "only", base_url: "https://model.example/v1" }],
    timeouts,
  });

describe("timeoutsOf", () => {
  it("gives an answer that comes whole all of its time until the first byte, which is its last moment too", () => {
    const upstream = upstreamWith({});
    expect(timeoutsOf(upstream, 300_000, true)).toMatchObject({ firstByteMs: 30_000 });
    expect(timeoutsOf(upstream, 300_000, false)).toMatchObject({ firstByteMs: 120_000 });
    expect(timeoutsOf(upstream, 50_000, false)).toMatchObject({ firstByteMs: 50_000 });
  });

  it("obeys the upstream's own word in either case, within the whole", () => {
    const upstream = upstreamWith({ first_byte_ms: 400, total_ms: 2_000 });
    for (const isStreamed of [true, false]) {
      expect(timeoutsOf(upstream, 300_000, isStreamed)).toEqual({
        firstByteMs: 400,
        idleMs: 2_000,
        totalMs: 2_000,
      });
      expect(timeoutsOf(upstream, 300, isStreamed)).toMatchObject({ firstByteMs: 300 });
    }
  });
});
