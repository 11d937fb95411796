import { describe, expect, it } from "vitest";

import { INITIAL_READINESS, nextReadiness } from "../../src/telemetry/readiness.ts";

/** Readiness after each of `probes` ("+" good, "-" bad), as the same letters. */
function after(probes: string): string {
  let state = INITIAL_READINESS;
  let answers = "";
  for (const probe of probes) {
    state = nextReadiness(state, probe === "+");
    answers += state.isReady ? "+" : "-";
  }
  return answers;
}

describe("nextReadiness", () => {
  it("needs three failures in a row to become unready", () => {
    expect(after("--")).toBe("++");
    expect(after("---")).toBe("++-");
    expect(after("--+--+--")).toBe("++++++++");
  });

  it("needs two successes in a row to become ready again", () => {
    expect(after("---+-+-++")).toBe("++------+");
    expect(after("---++--")).toBe("++--+++");
  });
});
