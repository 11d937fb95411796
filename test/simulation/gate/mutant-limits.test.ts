/** The part of the simulation of limits that every mutant has to pass; small, because there are hundreds of them. */

import { expect, it } from "vitest";

import { gateCampaign } from "./gate-campaign.ts";
import { REAL_GATE_CORE } from "./gate-core.ts";

it("keeps every guarantee in a few worlds", () => {
  expect(gateCampaign(REAL_GATE_CORE, 1, 60).violations).toEqual([]);
});
