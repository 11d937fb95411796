/** Every tool of a tenant as it is stored now: for checks that must not miss what another isolate has just written. */

import type { GatewayError } from "../contract/error.ts";
import type { KeyRecord } from "../contract/key.ts";
import { MAX_PAGE_LIMIT, type Page } from "../contract/page.ts";
import type { Tool } from "../contract/tool.ts";
import { ok, type Result } from "../platform/result.ts";
import { listTools } from "./resources.ts";

/** The tools, in as many pages as that takes; a tenant's number of tools is bounded where they are stored. */
export async function allTools(
  env: Parameters<typeof listTools>[0],
  key: KeyRecord,
): Promise<Result<readonly Tool[], GatewayError>> {
  const tools: Tool[] = [];
  let after: string | null = null;
  do {
    const query = { limit: MAX_PAGE_LIMIT, after };
    const page: Result<Page<Tool>, GatewayError> = await listTools(env, key, query);
    if (!page.ok) return page;
    tools.push(...page.value.data);
    after = page.value.next;
  } while (after !== null);
  return ok(tools);
}
