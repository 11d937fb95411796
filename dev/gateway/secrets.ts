/**
 * Secrets of a local gateway: random, made on first start, kept in `.local/` with mode 600, never in the repository.
 * Losing the file means that state under `.wrangler/` can no longer be opened; both are removed together.
 */

import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import { parseObject, textOf } from "../http/json.ts";

/** The secret bindings of wrangler.toml. */
export interface GatewaySecrets {
  readonly KEY_PEPPERS: string;
  readonly MASTER_KEYS: string;
  readonly BOOTSTRAP_SECRET: string;
}

/** New random secrets. */
export function randomSecrets(): GatewaySecrets {
  return {
    KEY_PEPPERS: `v1:${randomBytes(32).toString("base64")}`,
    MASTER_KEYS: `v1:${randomBytes(32).toString("base64")}`,
    BOOTSTRAP_SECRET: randomBytes(24).toString("base64url"),
  };
}

/** The secrets in a file, made and written there when it does not exist. */
export async function secretsIn(path: string): Promise<GatewaySecrets> {
  const kept = await readPrivate(path);
  const [peppers, masters, bootstrap] = ["KEY_PEPPERS", "MASTER_KEYS", "BOOTSTRAP_SECRET"].map(
    (name) => textOf(kept, name),
  );
  if (typeof peppers === "string" && typeof masters === "string" && typeof bootstrap === "string") {
    return { KEY_PEPPERS: peppers, MASTER_KEYS: masters, BOOTSTRAP_SECRET: bootstrap };
  }
  const made = randomSecrets();
  await writePrivate(path, made);
  return made;
}

/** The JSON object in a file, `{}` when there is none. */
export async function readPrivate(path: string): Promise<ReturnType<typeof parseObject>> {
  return parseObject(await readFile(path, "utf8").catch(() => "{}"));
}

/** Writes JSON that only the owner can read. */
export async function writePrivate(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
}
