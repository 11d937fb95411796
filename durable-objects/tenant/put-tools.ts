/** Writes many tools in one transaction: all of them or, when one is refused, none. */

import type { GatewayError } from "../../src/contract/error.ts";
import { fail, ok, type Result } from "../../src/platform/result.ts";
import type { ResourceTable } from "./resource-table.ts";

/** Undoes the transaction; caught where it was begun. */
class Refused extends Error {
  readonly error: GatewayError;

  constructor(error: GatewayError) {
    super(error.code);
    this.error = error;
  }
}

/** Answers the names that were there already and are left alone; none of them when tools are to be replaced. */
export function putTools(
  storage: Pick<DurableObjectStorage, "transactionSync">,
  resources: ResourceTable,
  tools: readonly { readonly name: string; readonly body: string }[],
  { replace, isDryRun }: { readonly replace: boolean; readonly isDryRun: boolean },
): Result<readonly string[], GatewayError> {
  const taken = replace ? [] : tools.filter(({ name }) => resources.read("tool", name) !== null);
  const names = taken.map(({ name }) => name);
  if (isDryRun) return ok(names);
  try {
    storage.transactionSync(() => {
      for (const tool of tools) {
        if (taken.includes(tool)) continue;
        const written = resources.put("tool", tool.name, tool.body);
        if (!written.ok) throw new Refused(written.error);
      }
    });
    return ok(names);
  } catch (cause) {
    if (cause instanceof Refused) return fail(cause.error);
    throw cause;
  }
}
