/** The balancers of an isolate. */

import { describe, expect, it } from "vitest";

import { balancerOf } from "../../src/resilience/balancers.ts";

describe("balancerOf", () => {
  it("is one for what is balanced, and another for every other group and tenant", () => {
    const one = balancerOf("balancers_1", "g", 2, 0);
    expect(balancerOf("balancers_1", "g", 3, 1)).toBe(one);
    expect(balancerOf("balancers_1", "h", 2, 1)).not.toBe(one);
    expect(balancerOf("balancers_2", "g", 2, 1)).not.toBe(one);
  });

  it("is the same for all that have a single target: it never chooses, so it knows nothing of anybody", () => {
    const only = balancerOf("balancers_3", "g", 1, 0);
    expect(balancerOf("balancers_4", "h", 1, 0)).toBe(only);
    expect(balancerOf("balancers_3", "g", 2, 0)).not.toBe(only);
  });

  it("is forgotten an hour after it was used last", () => {
    const one = balancerOf("balancers_5", "g", 2, 0);
    const hour = 3_600_000;
    expect(balancerOf("balancers_5", "g", 2, hour - 1)).toBe(one);
    expect(balancerOf("balancers_5", "g", 2, 2 * hour)).not.toBe(one);
  });
});
