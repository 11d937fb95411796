/** The part of the simulation of breakers that every mutant has to pass; small, because there are hundreds of them. */

import { expect, it } from "vitest";

import { breakerCampaign } from "./breaker-campaign.ts";
import { REAL_BREAKER_CORE } from "./breaker-core.ts";

it("keeps every guarantee in a few worlds", async () => {
  expect((await breakerCampaign(REAL_BREAKER_CORE, 1, 40)).violations).toEqual([]);
});
