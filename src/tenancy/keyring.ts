/**
 * Keyring: the deployment's secret keys by version, `v1:<base64>,v2:<base64>`. The last one writes, all of them read,
 * so a key is rotated by appending one and removed once nothing is under it any more.
 *
 * Imported keys are not extractable and are held by the isolate, keyed by the ring's text, for as long as it lives. A ring that cannot be
 * read is a fault of the deployment and throws.
 */

import { BoundedMap } from "../platform/bounded-map.ts";
import { fromBase64 } from "../platform/encoding.ts";

/** What a ring's keys are for. */
export type KeyPurpose = "hmac" | "aes";

/** One key of a ring. */
export interface RingKey {
  readonly version: string;
  readonly key: CryptoKey;
}

/** An imported ring. */
export interface Keyring {
  /** Writes. */
  readonly newest: RingKey;
  /** Read, oldest first; the newest included. */
  readonly all: readonly RingKey[];
}

const MAX_RINGS = 8;
const MAX_RING_KEYS = 16;
const KEY_BYTES = 32;

/** Isolate cache: a ring's text names the same keys for ever, so entries never go stale. */
const imported = new BoundedMap<string, Keyring>(MAX_RINGS);

/** The ring in `text`; from the isolate's cache after the first time. */
export async function keyring(purpose: KeyPurpose, text: string): Promise<Keyring> {
  const cacheKey = `${purpose} ${text}`;
  const known = imported.get(cacheKey, 0);
  if (known !== undefined) return known;
  const all = await Promise.all(
    text.split(",", MAX_RING_KEYS).map((entry) => importEntry(purpose, entry)),
  );
  const newest = all.at(-1);
  if (newest === undefined) throw new Error("a keyring is empty");
  const ring = { newest, all };
  imported.set(cacheKey, ring, Infinity);
  return ring;
}

async function importEntry(purpose: KeyPurpose, entry: string): Promise<RingKey> {
  const [, version, text] = /^(v[0-9]{1,6}):(.+)$/.exec(entry.trim()) ?? [];
  const bytes = text === undefined ? null : fromBase64(text);
  // The entry itself is never in the message: it is a secret.
  if (version === undefined || bytes === null || bytes.length < KEY_BYTES) {
    throw new Error(`a ${purpose} keyring entry is not "v<number>:<base64 of 32 bytes>"`);
  }
  return { version, key: await importBytes(purpose, bytes) };
}

function importBytes(purpose: KeyPurpose, bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return purpose === "hmac"
    ? crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"])
    : crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
}
