/**
 * Sealed: everything of a tenant that must not lie about in the clear, under AES-256-GCM with a 96-bit random nonce.
 *
 * Each tenant has a random data key, wrapped by the newest master key of the deployment. What a ciphertext belongs to is
 * authenticated with it (additional data: a length-prefixed tuple), so a value moved to another tenant, name or version
 * does not open. Erasing a tenant erases its wrapped data key, after which nothing sealed with it can be read.
 */

import type { GatewayError } from "../contract/error.ts";
import type { Sealed, SealedSecret } from "../contract/secret.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import { fromBase64, toBase64Url, utf8 } from "../platform/encoding.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { keyring } from "./keyring.ts";

/** Written into `Sealed.key` of what a data key sealed; a wrapped data key carries its master key's version. */
const DATA_KEY = "data";

const NONCE_BYTES = 12;
const DATA_KEY_BYTES = 32;

/** Unwrapped data keys held by an isolate, and for how long. */
const MAX_DATA_KEYS = 256;
const DATA_KEY_TTL_MS = 60_000;

/** Isolate cache: an unwrapped data key lives here for at most a minute, never extractable. */
const dataKeys = new BoundedMap<string, CryptoKey>(MAX_DATA_KEYS);

type MasterEnv = Pick<Env, "MASTER_KEYS">;

/** Seals `text`; `aad` says what it is and must be given again to open it. */
export async function seal(key: CryptoKey, aad: readonly string[], text: string): Promise<Sealed> {
  return sealBytes(key, DATA_KEY, aad, utf8(text));
}

/** The text, or null when the value is corrupt, was sealed with another key, or belongs elsewhere. */
export async function open(
  key: CryptoKey,
  aad: readonly string[],
  sealed: Sealed,
): Promise<string | null> {
  const bytes = await openBytes(key, aad, sealed);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

/** Seals bytes as they are: the nonce, then the ciphertext. For what is too big to be text. */
export async function sealBinary(
  key: CryptoKey,
  aad: readonly string[],
  plaintext: Uint8Array,
): Promise<Uint8Array> {
  const { iv, ct } = await encrypt(key, aad, plaintext);
  const sealed = new Uint8Array(iv.length + ct.length);
  sealed.set(iv);
  sealed.set(ct, iv.length);
  return sealed;
}

/** What `sealBinary` sealed, or null as `open` has it. */
export async function openBinary(
  key: CryptoKey,
  aad: readonly string[],
  sealed: Uint8Array,
): Promise<Uint8Array<ArrayBuffer> | null> {
  return decrypt(key, aad, sealed.slice(0, NONCE_BYTES), sealed.slice(NONCE_BYTES));
}

/** A new data key for a tenant, wrapped by the newest master key. */
export async function newDataKey(env: MasterEnv, tenantId: string): Promise<Sealed> {
  const { newest } = await keyring("aes", env.MASTER_KEYS);
  const bytes = crypto.getRandomValues(new Uint8Array(DATA_KEY_BYTES));
  return sealBytes(newest.key, newest.version, wrapAad(tenantId, newest.version), bytes);
}

/**
 * Unwraps a tenant's data key; from the isolate's cache within a minute. Throws when no master key of the ring opens
 * it: then the deployment's secrets are not the ones the tenant was made with.
 */
export async function openDataKey(
  env: MasterEnv,
  tenantId: string,
  wrapped: Sealed,
): Promise<CryptoKey> {
  const cacheKey = `${tenantId} ${wrapped.key} ${wrapped.iv} ${wrapped.ct}`;
  const nowMs = Date.now();
  const known = dataKeys.get(cacheKey, nowMs);
  if (known !== undefined) return known;
  const { all } = await keyring("aes", env.MASTER_KEYS);
  const master = all.find((entry) => entry.version === wrapped.key);
  const bytes =
    master === undefined
      ? null
      : await openBytes(master.key, wrapAad(tenantId, wrapped.key), wrapped);
  if (bytes === null) throw new Error("no master key opens a tenant's data key");
  const key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
  dataKeys.set(cacheKey, key, nowMs + DATA_KEY_TTL_MS);
  return key;
}

/** Seals a secret's value for its place: this tenant, name and version. */
export async function sealSecret(
  env: MasterEnv,
  tenant: { readonly tenantId: string; readonly dataKey: Sealed },
  place: { readonly name: string; readonly version: number },
  value: string,
): Promise<Sealed> {
  const key = await openDataKey(env, tenant.tenantId, tenant.dataKey);
  return seal(key, secretAad(tenant.tenantId, place), value);
}

/** Opens a secret where the request is built; refused when the row is not this tenant's, name's and version's own. */
export async function openSecret(
  env: MasterEnv,
  tenant: { readonly tenantId: string; readonly dataKey: Sealed },
  secret: SealedSecret,
): Promise<Result<string, GatewayError>> {
  const key = await openDataKey(env, tenant.tenantId, tenant.dataKey);
  const value = await open(key, secretAad(tenant.tenantId, secret), secret.value);
  return value === null ? fail({ code: "secret_unavailable", secret: secret.name }) : ok(value);
}

function secretAad(tenantId: string, place: { name: string; version: number }): readonly string[] {
  return ["tfe1", tenantId, "secret", place.name, String(place.version)];
}

function wrapAad(tenantId: string, version: string): readonly string[] {
  return ["tfe1-master", tenantId, version];
}

async function sealBytes(
  key: CryptoKey,
  keyName: string,
  aad: readonly string[],
  plaintext: Uint8Array,
): Promise<Sealed> {
  const { iv, ct } = await encrypt(key, aad, plaintext);
  return { key: keyName, iv: toBase64Url(iv), ct: toBase64Url(ct) };
}

async function encrypt(
  key: CryptoKey,
  aad: readonly string[],
  plaintext: Uint8Array,
): Promise<{ readonly iv: Uint8Array; readonly ct: Uint8Array }> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const additionalData = lengthPrefixed(aad);
  const ct = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, plaintext);
  return { iv, ct: new Uint8Array(ct) };
}

async function openBytes(
  key: CryptoKey,
  aad: readonly string[],
  sealed: Sealed,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const iv = fromBase64(sealed.iv);
  const ct = fromBase64(sealed.ct);
  return iv === null || ct === null ? null : decrypt(key, aad, iv, ct);
}

async function decrypt(
  key: CryptoKey,
  aad: readonly string[],
  iv: Uint8Array<ArrayBuffer>,
  ct: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (iv.length !== NONCE_BYTES) return null;
  try {
    const additionalData = lengthPrefixed(aad);
    const bytes = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, ct);
    return new Uint8Array(bytes);
  } catch {
    // OperationError: wrong key, wrong place or a changed byte; which one is nobody's business.
    return null;
  }
}

/** Each part behind its length in UTF-8 bytes, so no two tuples share an encoding. */
function lengthPrefixed(parts: readonly string[]): Uint8Array {
  const encoded = parts.map(utf8);
  const total = encoded.reduce((sum, bytes) => sum + 4 + bytes.length, 0);
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  let offset = 0;
  for (const bytes of encoded) {
    view.setUint32(offset, bytes.length);
    out.set(bytes, offset + 4);
    offset += 4 + bytes.length;
  }
  return out;
}
