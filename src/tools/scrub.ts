/**
 * Takes a call's secrets out of what its tool answered, so an upstream that echoes its credentials does not hand them to
 * a model, a client or a cache.
 *
 * Looked for are the value itself, its URL-encoded forms and its base64 forms wherever in a longer text it was encoded
 * (a text shifts by 0, 1 or 2 bytes against base64's groups of three). What a tool does beyond that (reverse it, encrypt
 * it) cannot be found. Secrets shorter than `MIN_SECRET_LENGTH` would match by chance everywhere and are only removed
 * where they are a whole string.
 */

import { type Json, isJsonArray } from "../platform/canonical-json.ts";
import { toBase64Url, utf8 } from "../platform/encoding.ts";

/** Stands where a secret was. */
export const SCRUBBED = "[secret]";

/** Shorter secrets are not searched inside longer texts. */
export const MIN_SECRET_LENGTH = 4;

/** Shorter base64 fragments are not searched. */
const MIN_BASE64_LENGTH = 8;

/** Removes the secrets of one call. */
export interface Scrubber {
  text(value: string): string;
  /** The same value with every string, property name and number scrubbed; the very same object when nothing was found. */
  json(value: Json): Json;
}

/** A scrubber for the given secret values; without any it changes nothing. */
export function createScrubber(secrets: readonly string[]): Scrubber {
  if (secrets.length === 0) return { text: (value) => value, json: (value) => value };
  const whole = new Set(secrets);
  const forms = [...new Set(secrets.flatMap(formsOf))].toSorted((a, b) => b.length - a.length);
  const text = (value: string): string => {
    if (whole.has(value)) return SCRUBBED;
    let clean = value;
    for (const form of forms) clean = clean.replaceAll(form, SCRUBBED);
    return clean;
  };
  return { text, json: (value) => scrubJson(value, text) };
}

function scrubJson(value: Json, text: (value: string) => string): Json {
  if (typeof value === "string") return text(value);
  if (typeof value === "number") {
    const clean = text(String(value));
    return clean === String(value) ? value : clean;
  }
  if (typeof value !== "object" || value === null) return value;
  if (isJsonArray(value)) {
    const items = value.map((item) => scrubJson(item, text));
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  let changed = false;
  const members = Object.entries(value).map(([key, member]) => {
    const clean: [string, Json] = [text(key), scrubJson(member, text)];
    if (clean[0] !== key || clean[1] !== member) changed = true;
    return clean;
  });
  return changed ? Object.fromEntries(members) : value;
}

function formsOf(secret: string): string[] {
  if (secret.length < MIN_SECRET_LENGTH) return [];
  const encoded = encodeURIComponent(secret);
  return [
    secret,
    encoded,
    encoded.replaceAll("%20", "+"),
    encoded.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
    ...base64Forms(secret),
  ];
}

/** The part of a secret's base64 that does not depend on its neighbours, for each of the three alignments. */
function base64Forms(secret: string): string[] {
  const bytes = utf8(secret);
  const forms: string[] = [];
  for (let shift = 0; shift < 3; shift += 1) {
    const shifted = new Uint8Array(shift + bytes.length);
    shifted.set(bytes, shift);
    const encoded = toBase64Url(shifted);
    // The first characters mix with the bytes before, the last one with the bytes after.
    const core = encoded.slice(Math.ceil((shift * 8) / 6), Math.floor((shifted.length * 8) / 6));
    if (core.length >= MIN_BASE64_LENGTH)
      forms.push(core, core.replaceAll("-", "+").replaceAll("_", "/"));
  }
  return forms;
}
