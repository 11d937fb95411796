import { describe, expect, it } from "vitest";

import { LeaseHolder } from "../../src/algorithms/lease-holder.ts";
import type { RequestLimit } from "../../src/contract/limits.ts";
import { passUnreachable } from "../../src/tenancy/while-unreachable.ts";

const LIMIT: RequestLimit = { limit: 1000, window_s: 1 };

/** What passes at 200 ms of so many requests on these limits, of each of which a hundred tokens were lent for a second. */
function passing(
  mode: "safe_share" | "open" | "closed",
  ids: readonly string[],
  lent: readonly string[] = ids,
): number {
  const holder = new LeaseHolder<RequestLimit>(() => "");
  const draws = ids.map((id) => ({ id, limit: LIMIT, cost: 1 }));
  for (let n = 0; n < 50; n += 1) holder.draw(draws, [], { permitTtlMs: 1000, ttlMs: 1000 }, 0);
  const question = holder.ask(1000, 0);
  const given = { tokens: 100, waitMs: 0, isExact: false, ttlMs: 1000, remaining: 0, resetMs: 0 };
  const rates = lent.map((id) => ({ id, ...given }));
  holder.accept(question, { rates, permits: [] }, 0, 0);
  const request = { rates: [], concurrency: [], permitTtlMs: 1000 };
  const tries = Array.from({ length: 100 }, () =>
    passUnreachable(holder, request, draws, mode, 200),
  );
  return tries.filter((giveBack) => giveBack !== null).length;
}

describe("without the gate", () => {
  it("a safe share is the rate of the last lease, nothing where nothing was lent", () => {
    expect(passing("safe_share", ["tenant:1"])).toBe(20);
    expect(passing("safe_share", ["tenant:1"], [])).toBe(0);
  });

  it("closed passes nothing on credit", () => {
    expect(passing("closed", ["tenant:1"])).toBe(0);
  });

  it("open passes everything but what the operator limits, which keeps to its share", () => {
    expect(passing("open", ["tenant:1", "key:k:1"], [])).toBe(100);
    expect(passing("open", ["operator:1", "tenant:1"])).toBe(20);
    expect(passing("open", ["operator:calls:1", "tenant:1"], [])).toBe(0);
  });

  it("open needs no places but the operator's", () => {
    const holder = new LeaseHolder<RequestLimit>(() => "");
    const pass = (id: string) =>
      passUnreachable(
        holder,
        { rates: [], concurrency: [{ id, max: 9 }], permitTtlMs: 1 },
        [],
        "open",
        0,
      );
    expect(pass("tenant")).not.toBeNull();
    expect(pass("operator")).toBeNull();
  });
});
