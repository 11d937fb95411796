/** HMAC-SHA-256 of API keys under the deployment's peppers: the only form in which a key is stored, cached or compared. */

import { toHex, utf8 } from "../platform/encoding.ts";
import { keyring } from "./keyring.ts";

/** A key's HMAC in lower-case hex and the version of the pepper. */
export interface KeyHash {
  readonly hash: string;
  readonly pepper: string;
}

type PepperEnv = Pick<Env, "KEY_PEPPERS">;

/** Under the newest pepper: what new keys are stored as and what the isolate's cache is keyed by. */
export async function hashKey(env: PepperEnv, text: string): Promise<KeyHash> {
  const { newest } = await keyring("hmac", env.KEY_PEPPERS);
  return { hash: await hmac(newest.key, text), pepper: newest.version };
}

/** Under every pepper that may still be in use, newest first; at most as many as the ring has keys. */
export async function hashKeyUnderAll(env: PepperEnv, text: string): Promise<readonly KeyHash[]> {
  const { all } = await keyring("hmac", env.KEY_PEPPERS);
  const hashes = all.map(async ({ key, version }) => ({
    hash: await hmac(key, text),
    pepper: version,
  }));
  return (await Promise.all(hashes)).toReversed();
}

async function hmac(key: CryptoKey, text: string): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(text))));
}
