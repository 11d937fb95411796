/** Writes many tools at once: all of them or none. */

import type { GatewayError } from "../contract/error.ts";
import type { KeyRecord } from "../contract/key.ts";
import type { ToolDefinition } from "../contract/tool.ts";
import type { Result } from "../platform/result.ts";
import { ownTenant } from "./own-tenant.ts";
import { forgetSnapshot } from "./snapshot.ts";

/**
 * Writes all of these tools or none. Names the tenant has already are left alone unless they are to be replaced; those
 * are what is answered. A dry run writes nothing and answers the same.
 */
export async function putTools(
  env: Pick<Env, "ROLE" | "TENANT">,
  key: KeyRecord,
  tools: readonly { readonly name: string; readonly definition: ToolDefinition }[],
  { replace, isDryRun }: { readonly replace: boolean; readonly isDryRun: boolean },
): Promise<Result<readonly string[], GatewayError>> {
  const own = ownTenant(env, key);
  if (!own.ok) return own;
  const bodies = tools.map(({ name, definition }) => ({ name, body: JSON.stringify(definition) }));
  const written = await own.value.object.putTools(bodies, replace, isDryRun);
  forgetSnapshot(own.value.id);
  return written;
}
