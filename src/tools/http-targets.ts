/** Where an `http` tool's requests may go: its URL, or several targets that do the same. */

import { balanceTarget, type BalanceTarget } from "../contract/balance.ts";
import type { HttpTool } from "../contract/tool.ts";

/** One place an `http` tool is served at. */
export interface HttpTarget extends BalanceTarget {
  /** Its URL template. */
  readonly url: string;
}

/** An `http` tool at one of its targets. */
export interface PlacedHttp extends HttpTool {
  readonly url: string;
}

/** The targets of the tool `name`, each under the name of its breaker; at least one. */
export function httpTargets(name: string, http: HttpTool): readonly HttpTarget[] {
  const own = `tool:${name}`;
  if (http.targets === undefined) return [{ ...balanceTarget(own, {}), url: http.url ?? "" }];
  return http.targets.map((target) => ({
    ...balanceTarget(`${own}@${target.id}`, target),
    url: target.url,
  }));
}

/** Every URL template of the tool. */
export function httpUrls({ url, targets }: HttpTool): readonly string[] {
  return targets === undefined ? [url ?? ""] : targets.map((target) => target.url);
}
