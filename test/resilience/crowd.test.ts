/** The concurrency layer inside a guarded call. */

import { describe, expect, it } from "vitest";

import { fail, ok } from "../../src/platform/result.ts";
import { crowdOf } from "../../src/resilience/crowd.ts";
import { guard } from "../../src/resilience/guard.ts";
import { HERE, POLICY, run, scripted, world } from "../support/guard-scene.ts";

const RANK = { tier: "interactive", run: "run_1" } as const;

/** Places for one attempt at each target of a tenant, all of them taken at `taken`. */
async function fullAt(tenantId: string, taken: readonly string[], at: ReturnType<typeof world>) {
  const crowd = crowdOf(tenantId, { ...POLICY, concurrency: 1 }, RANK, at.clock);
  if (crowd === null) throw new Error("there is a limit");
  for (const target of taken) await crowd(target, at.clock.now() + 60_000, false, HERE);
  return crowd;
}

describe("guard, crowded", () => {
  it("says that a call was turned away, and nothing was sent", async () => {
    const at = world();
    const crowd = await fullAt("crowd_1", ["a"], at);
    const { asked, call } = scripted([{ status: 200 }], { crowd, timeoutMs: 1_000 });
    const ended = await run(call, at);
    expect([ended.ok, asked]).toEqual([false, []]);
    expect(at.clock.pending).toBe(0);
  });

  it("a caller that leaves while it waits has sent nothing", async () => {
    const at = world();
    const crowd = await fullAt("crowd_2", ["a"], at);
    const { asked, call } = scripted([{ status: 200 }], { crowd });
    const controller = new AbortController();
    const ended = guard(call, at, controller.signal);
    await at.clock.advance(10);
    controller.abort();
    expect(await ended).toEqual(fail({ kind: "aborted", sent: false }));
    expect(asked).toEqual([]);
  });

  it("gives its place back when it has its answer", async () => {
    const at = world();
    const crowd = await fullAt("crowd_3", [], at);
    for (let n = 0; n < 3; n += 1) {
      const { call } = scripted([{ status: 200 }], { crowd });
      expect(await run(call, at)).toEqual(ok({ status: 200 }));
    }
  });

  it("has no limit where the policy says so", () => {
    expect(crowdOf("crowd_4", { ...POLICY, concurrency: "off" }, RANK)).toBeNull();
  });
});
