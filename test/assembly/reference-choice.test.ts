/** Whether a model is offered references: by policy, or by how it has used them, for each tenant and model alone. */

import { describe, expect, it } from "vitest";

import { MIN_REST_MS } from "../../src/algorithms/trial-switch.ts";
import { chooseReferences, recordReferences } from "../../src/assembly/reference-choice.ts";

const NOW = 1_000_000;
const BAD = { good: 0, bad: 4 };

let tenants = 0;

/** A tenant nobody has measured. */
function tenant(): string {
  tenants += 1;
  return `tenant-${tenants}`;
}

function auto(tenantId: string, model = "m", nowMs = NOW) {
  return chooseReferences("auto", tenantId, model, nowMs);
}

describe("chooseReferences", () => {
  it("does what the policy says, whatever was measured", () => {
    const id = tenant();
    recordReferences(id, "m", BAD, NOW);
    expect(chooseReferences("on", id, "m", NOW)).toEqual({
      mode: "plan",
      reason: 'The policy says "on".',
    });
    expect(chooseReferences("off", tenant(), "m", NOW).mode).toBe("level_by_level");
  });

  it("offers them to a model nobody has measured, and to one that uses them well", () => {
    const id = tenant();
    expect(auto(id)).toEqual({ mode: "plan", reason: "No reference has been measured yet." });
    recordReferences(id, "m", { good: 8, bad: 0 }, NOW);
    expect(auto(id)).toEqual({
      mode: "plan",
      reason: "About 90 % of references can be expected to be followed.",
    });
  });

  it("falls back for that model of that tenant alone, and tries again after a rest", () => {
    const id = tenant();
    recordReferences(id, "m", BAD, NOW);
    expect(auto(id)).toEqual({
      mode: "level_by_level",
      reason: "About 30 % of references can be expected to be followed; tried again in 600 s.",
    });
    expect([auto(id, "other").mode, auto(tenant()).mode]).toEqual(["plan", "plan"]);
    expect(auto(id, "m", NOW + MIN_REST_MS)).toMatchObject({
      mode: "plan",
      reason: expect.stringContaining("tried again."),
    });
  });

  it("counts a turn without references as nothing, and no turn for more than a bad one", () => {
    const id = tenant();
    recordReferences(id, "m", { good: 0, bad: 0 }, NOW);
    expect(auto(id).reason).toBe("No reference has been measured yet.");
    recordReferences(id, "m", { good: 1_000_000, bad: 0 }, NOW);
    recordReferences(id, "m", { good: 0, bad: 1_000_000 }, NOW);
    expect(auto(id).mode).toBe("level_by_level");
  });
});
