/** The chains of a run: the tenant's tools as chains see them. */

import { chainCalls } from "../orchestration/chains/chain-calls.ts";
import type { Clock, SchedulePorts } from "../orchestration/ports.ts";
import type { Tool } from "../contract/tool.ts";
import { writeChainOutput } from "../tools/chain-output.ts";
import { toolFinder } from "../tools/tool-box.ts";

/** What runs the chains among `tools` inside one run; steps may use these tools and no others. */
export function chainsOf(
  tools: readonly Tool[],
  clock: Clock,
): NonNullable<SchedulePorts["inside"]> {
  const definitions = new Map(tools.map(({ name, definition }) => [name, definition]));
  return chainCalls(
    {
      find: toolFinder(tools),
      chainOf: (name) => definitions.get(name)?.chain ?? null,
      writeOutput: (name, value) => writeChainOutput(definitions.get(name), value),
    },
    clock,
  );
}
