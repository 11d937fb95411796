/** Removes many keys from the directory, asking each shard once. */

import type { TenantKey } from "../contract/stored.ts";
import { directoryShard, shardName } from "./objects.ts";

/** Groups keys by the shard that knows them; no group is empty. */
export function byShard(
  keys: readonly TenantKey[],
): readonly (readonly [TenantKey, ...TenantKey[]])[] {
  const groups = new Map<string, [TenantKey, ...TenantKey[]]>();
  for (const key of keys) {
    const name = shardName(key.directory, key.hash);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [key]);
    else group.push(key);
  }
  return [...groups.values()];
}

/** Makes the keys unknown; resolves when every shard has forgotten them. */
export async function removeFromDirectory(
  env: Pick<Env, "KEY_DIRECTORY" | "ROLE">,
  keys: readonly TenantKey[],
): Promise<void> {
  await Promise.all(
    byShard(keys).map(([first, ...others]) =>
      directoryShard(env, first.directory, first.hash).removeKeys(
        [first, ...others].map((key) => key.hash),
      ),
    ),
  );
}
