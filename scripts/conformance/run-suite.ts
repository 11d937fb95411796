/** Runs every check against one gateway, one after the other, so that none disturbs another. */

import { ABILITY_CHECKS } from "./ability-checks.ts";
import { CHAT_CHECKS } from "./chat-checks.ts";
import { fails, type Check, type Outcome, type Scene } from "./check.ts";
import { ERROR_CHECKS } from "./error-checks.ts";
import { LEAVING_CHECKS } from "./leaving-checks.ts";
import { PROTOCOL_CHECKS } from "./protocol-checks.ts";

/** Every check, in the order of the table. */
export const CHECKS: readonly Check[] = [
  ...CHAT_CHECKS,
  ...ERROR_CHECKS,
  ...LEAVING_CHECKS,
  ...PROTOCOL_CHECKS,
  ...ABILITY_CHECKS,
];

/** A check and how it ended. */
export interface Line extends Pick<Check, "area" | "claim"> {
  readonly outcome: Outcome;
}

/** Runs `checks`; one that throws has failed with what was thrown. */
export async function runSuite(
  world: Omit<Scene, "tag">,
  checks: readonly Check[] = CHECKS,
): Promise<readonly Line[]> {
  const lines: Line[] = [];
  for (const [index, { area, claim, run }] of checks.entries()) {
    // Random: a gateway that keeps answers must not answer with those of an earlier run.
    const tag = `tag${index}x${crypto.randomUUID().slice(0, 8)}`;
    const outcome = await run({ ...world, tag }).catch((error: unknown) => fails(String(error)));
    lines.push({ area, claim, outcome });
  }
  return lines;
}
