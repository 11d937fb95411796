/** Where a call's result is kept between runs, whichever kind of tool made it. */

import type { PlannedCall } from "../contract/planned-call.ts";
import type { Tool } from "../contract/tool.ts";
import { type ResultKey, resultKey } from "./cache-key.ts";
import type { ResultCache } from "./result-cache.ts";
import type { ToolPorts } from "./tool-ports.ts";

/** The place of one call's result. */
export interface KeptResult {
  readonly results: ResultCache;
  readonly key: ResultKey;
  readonly ttlS: number;
}

/**
 * Where this call's result is kept, or null when it may not be: only declared `pure` and `read` tools have a place.
 * `secrets` are the names of those the call is sent with.
 */
export async function keptResult(
  ports: Pick<ToolPorts, "cache" | "credentials" | "locale">,
  tool: Tool,
  call: PlannedCall,
  secrets: Iterable<string>,
): Promise<KeptResult | null> {
  const { cache, effect } = tool.definition;
  if (ports.cache === null || cache === undefined || (effect !== "pure" && effect !== "read"))
    return null;
  const credentials = Object.fromEntries(
    [...secrets].map((name) => [name, ports.credentials.get(name) ?? ""]),
  );
  const inputs = { arguments: call.arguments, locale: ports.locale, credentials };
  const key = await resultKey(ports.cache.scope, tool, inputs);
  return { results: ports.cache.results, key, ttlS: cache.ttl_s };
}
