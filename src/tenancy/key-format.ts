/**
 * Text of an API key: `tfe_{live|test}_{us|eu|ap}_<30 base62><6 base62 CRC-32 of everything before>`.
 *
 * 30 random digits are 178 bits. The checksum lets junk be refused before any lookup and lets secret scanners tell a key
 * from a lookalike; it is no protection by itself. The region word is a hint to the directory that knows the key.
 */

import { crc32 } from "../algorithms/crc32.ts";
import type { KeyRegion } from "../contract/key.ts";
import { utf8 } from "../platform/encoding.ts";
import { BASE62, randomBase62, type RandomBytes } from "../platform/id.ts";

const RANDOM_DIGITS = 30;
const CHECKSUM_DIGITS = 6;

/** What a key looks like, for secret scanners too. */
export const KEY_PATTERN = /^tfe_(?:live|test)_(us|eu|ap)_[0-9A-Za-z]{36}$/;

/** A fresh key. The caller shows it once and keeps only its HMAC. */
export function mintKeyText(
  region: KeyRegion,
  mode: "live" | "test",
  randomBytes?: RandomBytes,
): string {
  const unsigned = `tfe_${mode}_${region}_${randomBase62(RANDOM_DIGITS, randomBytes)}`;
  return unsigned + checksum(unsigned);
}

/** The region word of a well-formed key whose checksum is right, else null. */
export function parseKeyText(text: string): { readonly region: KeyRegion } | null {
  const region = KEY_PATTERN.exec(text)?.[1];
  if (region !== "us" && region !== "eu" && region !== "ap") return null;
  const end = text.length - CHECKSUM_DIGITS;
  return checksum(text.slice(0, end)) === text.slice(end) ? { region } : null;
}

/** The words in front and the last four digits: enough for a person to tell keys apart, useless to guess one. */
export function keyHint(text: string): string {
  const words = text.slice(0, text.lastIndexOf("_") + 1);
  return `${words}…${text.slice(-4)}`;
}

function checksum(text: string): string {
  let digits = "";
  for (
    let rest = crc32(utf8(text));
    digits.length < CHECKSUM_DIGITS;
    rest = Math.floor(rest / 62)
  ) {
    digits = BASE62.charAt(rest % 62) + digits;
  }
  return digits;
}
