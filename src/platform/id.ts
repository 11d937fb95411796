/**
 * Opaque identifiers: a prefix naming the kind and 128+ random bits in base62.
 *
 * Ids are random, never counters, so knowing one says nothing about another.
 */

import { toHex } from "./encoding.ts";

/** Digits of base62 in the order GitHub's key format uses them. */
export const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Largest multiple of 62 below 256: bytes at or above it are thrown away, so every digit is equally likely. */
const UNBIASED_BELOW = 248;

/** Fills a byte array with randomness; the platform's `crypto.getRandomValues` in production. */
export type RandomBytes = (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;

/** `length` base62 digits, uniformly distributed. */
export function randomBase62(length: number, randomBytes: RandomBytes = platformRandom): string {
  let digits = "";
  while (digits.length < length) {
    for (const byte of randomBytes(new Uint8Array(length * 2))) {
      if (byte < UNBIASED_BELOW && digits.length < length) digits += BASE62.charAt(byte % 62);
    }
  }
  return digits;
}

/** An id such as `run_4f…`: the prefix, an underscore and 22 base62 digits (130 bits). */
export function newId(prefix: string, randomBytes: RandomBytes = platformRandom): string {
  return `${prefix}_${randomBase62(22, randomBytes)}`;
}

/** Digits of an ordered id that hold its time: enough until the year 8887. */
const TIME_DIGITS = 8;

/**
 * An id whose text order is its order of creation to the millisecond: 8 digits of time, then 16 random ones (95 bits). For lists
 * only an operator or the tenant itself can read; it says when it was made and nothing else.
 */
export function newOrderedId(
  prefix: string,
  nowMs: number,
  randomBytes: RandomBytes = platformRandom,
): string {
  let time = "";
  for (let rest = nowMs; time.length < TIME_DIGITS; rest = Math.floor(rest / 62)) {
    time = BASE62.charAt(rest % 62) + time;
  }
  return `${prefix}_${time}${randomBase62(16, randomBytes)}`;
}

/** Random bytes are fetched so many at a time: a call for a few costs as much as one for thousands. */
const POOL_BYTES = 4096;

let pool = new Uint8Array(0);
let taken = 0;

/** The next bytes of the pool, each handed out once. */
function platformRandom(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.byteLength > POOL_BYTES) return crypto.getRandomValues(bytes);
  if (taken + bytes.byteLength > pool.byteLength) {
    pool = crypto.getRandomValues(new Uint8Array(POOL_BYTES));
    taken = 0;
  }
  bytes.set(pool.subarray(taken, taken + bytes.byteLength));
  pool.fill(0, taken, taken + bytes.byteLength);
  taken += bytes.byteLength;
  return bytes;
}

/** `length` random bytes as lower-case hex. */
export function randomHex(length: number): string {
  return toHex(platformRandom(new Uint8Array(length)));
}
