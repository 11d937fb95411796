/**
 * Which headers may leave the gateway, and which of an answer's come back in.
 *
 * Out: the runtime sends `cf-connecting-ip` or `x-forwarded-for` set by code as if the platform had written them, and
 * non-ASCII as raw UTF-8 bytes, so both are refused here rather than trusted to it. In: whatever speaks to a browser or
 * a hop, never to a caller of a tool, is dropped.
 */

/** Headers of one request. */
const MAX_HEADERS = 64;

/** One header's value. */
const MAX_VALUE_LENGTH = 8192;

/** A name as RFC 9110 §5.1 writes it. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;

/** What the connection, the platform or the runtime decides, never a tenant. */
const RESERVED_OUT =
  /^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|via|forwarded|content-length|accept-encoding|cookie|date|true-client-ip|x-real-ip|(cf|proxy|sec|x-forwarded)-.*)$/i;

const DROPPED_IN: ReadonlySet<string> = new Set([
  "alt-svc",
  "connection",
  "keep-alive",
  "location",
  "set-cookie",
  "strict-transport-security",
  "transfer-encoding",
  "www-authenticate",
]);

/** Why this header may not be sent, or null when it may. The reason quotes the name only if it is a plain word. */
export function refuseHeader(name: string, value: string): string | null {
  if (!TOKEN.test(name)) return "A header name is not a token.";
  if (RESERVED_OUT.test(name))
    return `The header ${name.toLowerCase()} is not the caller's to set.`;
  if (value.length > MAX_VALUE_LENGTH) return `The header ${name.toLowerCase()} is too long.`;
  if (!/^[\t\x20-\x7e]*$/.test(value))
    return `The header ${name.toLowerCase()} has a character that is not printable ASCII.`;
  return null;
}

/** Why these headers may not be sent, or null when all may. */
export function refuseHeaders(headers: Readonly<Record<string, string>>): string | null {
  const entries = Object.entries(headers);
  if (entries.length > MAX_HEADERS) return "There are too many headers.";
  for (const [name, value] of entries) {
    const refusal = refuseHeader(name, value);
    if (refusal !== null) return refusal;
  }
  return null;
}

/** The answer's headers that are of use to a caller, names in lower case. */
export function keptHeaders(
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !DROPPED_IN.has(name)));
}
