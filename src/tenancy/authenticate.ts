/**
 * Authenticate: from an Authorization header to what its key may do.
 *
 * A malformed key or a wrong checksum is refused before any lookup. A known key costs one HMAC and one map lookup; an
 * unknown one costs the shield first, then the directory; one that worked lately only the directory. Unknown, revoked and expired keys are refused with the same code
 * after the same work, so nothing can be learned by trying.
 *
 * Bound: a key revoked anywhere is refused everywhere within `KEY_TTL_MS`, on the isolate that revoked it at once.
 */

import type { GatewayError } from "../contract/error.ts";
import type { KeyRecord, KeyRegion } from "../contract/key.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { reachObject } from "../regions/reach-object.ts";
import { parseKeyText } from "./key-format.ts";
import { hashKey, hashKeyUnderAll } from "./key-hash.ts";
import { directoryShard } from "./objects.ts";

/** How long an isolate believes that a key works. */
export const KEY_TTL_MS = 5000;
/** How long an isolate believes that a key does not work. Keys are random and never come back, so this may be long. */
export const UNKNOWN_KEY_TTL_MS = 60_000;

/** How long a key that worked is asked about past the shield. */
const PROVEN_TTL_MS = 3_600_000;

const MAX_CACHED_KEYS = 4096;
const SHIELD_RETRY_MS = 60_000;

/** Isolate caches: keys that work and keys that do not, by HMAC; and the HMAC of each cached key by its id. */
const known = new BoundedMap<string, KeyRecord>(MAX_CACHED_KEYS);
const unknown = new BoundedMap<string, true>(MAX_CACHED_KEYS);
/** Keys that worked not long ago: asking about them again is no guessing, so the shield does not count it. */
const proven = new BoundedMap<string, true>(MAX_CACHED_KEYS);
const hashById = new BoundedMap<string, string>(MAX_CACHED_KEYS);
/** Counts `forgetKey`, so that a lookup begun before a revocation is not cached after it. */
let forgotten = 0;

const UNAUTHENTICATED: GatewayError = { code: "unauthenticated" };

type AuthenticateEnv = Pick<Env, "KEY_DIRECTORY" | "KEY_PEPPERS" | "KEY_SHIELD" | "ROLE">;

/**
 * The record of the key in `Authorization: Bearer …`. Fails with `unauthenticated`, with `too_many_unknown_keys` when
 * the client's address tried too many, or with `unavailable`.
 */
export async function authenticate(
  env: AuthenticateEnv,
  authorization: string | null,
  clientAddress: string,
  nowMs: number,
): Promise<Result<KeyRecord, GatewayError>> {
  const text = bearer(authorization);
  const parsed = text === null ? null : parseKeyText(text);
  if (text === null || parsed === null) return fail(UNAUTHENTICATED);
  const { hash } = await hashKey(env, text);
  const record = known.get(hash, nowMs);
  if (record !== undefined) return isExpired(record, nowMs) ? fail(UNAUTHENTICATED) : ok(record);
  if (unknown.get(hash, nowMs) === true) return fail(UNAUTHENTICATED);
  if (proven.get(hash, nowMs) !== true) {
    const { success } = await env.KEY_SHIELD.limit({ key: clientAddress });
    if (!success) return fail({ code: "too_many_unknown_keys", retryAfterMs: SHIELD_RETRY_MS });
  }
  return reachAndRemember(env, text, hash, parsed.region, nowMs);
}

/** Makes this isolate ask the directory about a key again, at once; other isolates follow within `KEY_TTL_MS`. */
export function forgetKey(keyId: string, nowMs: number): void {
  forgotten += 1;
  const hash = hashById.get(keyId, nowMs);
  if (hash !== undefined) known.delete(hash);
}

async function reachAndRemember(
  env: AuthenticateEnv,
  text: string,
  cacheKey: string,
  region: KeyRegion,
  nowMs: number,
): Promise<Result<KeyRecord, GatewayError>> {
  const forgottenBefore = forgotten;
  const found = await reachObject(() => find(env, text, region, nowMs));
  if (!found.ok) return found;
  const record = found.value;
  if (record === null) {
    unknown.set(cacheKey, true, nowMs + UNKNOWN_KEY_TTL_MS);
    proven.delete(cacheKey);
    return fail(UNAUTHENTICATED);
  }
  if (forgotten === forgottenBefore) {
    known.set(cacheKey, record, nowMs + KEY_TTL_MS);
    proven.set(cacheKey, true, nowMs + PROVEN_TTL_MS);
    hashById.set(record.keyId, cacheKey, nowMs + KEY_TTL_MS);
  }
  return ok(record);
}

/** Asks the directory under each pepper in use, newest first; one question unless a pepper is being rotated. */
async function find(
  env: AuthenticateEnv,
  text: string,
  region: KeyRegion,
  nowMs: number,
): Promise<KeyRecord | null> {
  for (const { hash } of await hashKeyUnderAll(env, text)) {
    const record = await directoryShard(env, region, hash).findKey(hash, nowMs);
    if (record !== null) return record;
  }
  return null;
}

function bearer(authorization: string | null): string | null {
  return /^Bearer +([^ ]+) *$/i.exec(authorization ?? "")?.[1] ?? null;
}

function isExpired(record: KeyRecord, nowMs: number): boolean {
  return record.expiresAtMs !== null && nowMs >= record.expiresAtMs;
}
