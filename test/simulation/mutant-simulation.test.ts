/** The part of the simulation that every mutant has to pass; small, because there are hundreds of them. */

import { expect, it } from "vitest";

import { campaign } from "./campaign.ts";
import { REAL_CORE } from "./core.ts";
import { earlyCampaign } from "./early-start/early-campaign.ts";

it("keeps every guarantee in a few worlds", async () => {
  const { violations } = await campaign(REAL_CORE, 1, 100);
  expect(violations).toEqual([]);
});

it("starts nothing early that may not be, in a few streams", async () => {
  const { faults } = await earlyCampaign(1, 40);
  expect(faults).toEqual([]);
});
