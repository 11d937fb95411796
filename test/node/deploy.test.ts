/** A deployment must never go to an environment that was not named. */

import { describe, expect, it } from "vitest";

import { parseDeployRequest } from "../../scripts/deploy.ts";

describe("parseDeployRequest", () => {
  it.each(["objects", "us", "eu", "apac", "global"])("takes %s", (environment) => {
    expect(parseDeployRequest([environment])).toEqual({ environment, dryRun: false });
    expect(parseDeployRequest([environment, "--dry-run"])).toEqual({ environment, dryRun: true });
  });

  it.each([
    [[]],
    [["production"]],
    [["us", "eu"]],
    [["development"]],
    [["us", "--force"]],
    [["--dry-run"]],
  ])("refuses %j", (words) => {
    expect(parseDeployRequest(words)).toHaveProperty("refusal");
  });
});
