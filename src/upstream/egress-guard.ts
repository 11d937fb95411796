/**
 * Egress guard: which URLs the gateway may talk to at all. Passed by every outgoing request and every redirect hop.
 *
 * The WHATWG parser does the normalising (decimal, hex, octal, full-width and percent-encoded addresses all become
 * dotted quads), so the rules judge its output and never parse an address by hand; the few checks on the raw text only
 * refuse more. What it cannot do is look at DNS: Workers have no resolver hook, so a public name that resolves to a
 * private address is stopped by the platform (`global_fetch_strictly_public`), not here. A refusal names its rule.
 */

import { type Result, fail, ok } from "../platform/result.ts";

/** `allowLoopback` is for development only: http and https to this machine, on any port, besides what is allowed anyway. */
export interface EgressOptions {
  readonly allowLoopback: boolean;
}

/** Ports as `URL.port` shows them; the empty one is 443. */
const ALLOWED_PORTS: ReadonlySet<string> = new Set(["", "8443"]);

/** Names that mean something only inside a network, or are reserved never to mean anything (RFC 6761, RFC 8375). */
const SPECIAL_SUFFIXES: ReadonlySet<string> = new Set([
  "localhost",
  "localdomain",
  "local",
  "internal",
  "intranet",
  "private",
  "lan",
  "home",
  "corp",
  "mail",
  "arpa",
  "onion",
  "alt",
  "test",
  "example",
  "invalid",
  "svc",
  "default",
]);

/** Public names that resolve to whatever address is written in them, or to loopback. */
const ALIAS_SERVICES: ReadonlySet<string> = new Set([
  "1u.ms",
  "backname.io",
  "fuf.me",
  "lacolhost.com",
  "local.gd",
  "localho.st",
  "localhost.direct",
  "localtest.me",
  "lvh.me",
  "nip.io",
  "rbndr.us",
  "smackaho.st",
  "sslip.io",
  "traefik.me",
  "vcap.me",
  "xip.io",
]);

/** Longest URL sent; the platform's own limit is 16 KB. */
const MAX_URL_LENGTH = 16_384;

/** The parsed URL when it may be fetched, else the rule that refuses it. Pure, a few microseconds. */
export function checkEgress(
  url: string,
  options: EgressOptions,
): Result<URL, { readonly reason: string }> {
  if (url.length > MAX_URL_LENGTH) return fail({ reason: "The URL is too long." });
  // The parser drops or bends these silently, so what a person reads and what is fetched would differ.
  if (!/^[\u0021-\u005b\u005d-\u007e\u0080-\u{10ffff}]*$/u.test(url))
    return fail({ reason: "The URL contains a space, control character or backslash." });
  if (!/^https?:\/\/[^/?#]/i.test(url))
    return fail({ reason: "The URL is not an absolute https URL." });
  if (/^[^/]*\/\/[^/?#]*@/.test(url)) return fail({ reason: "The URL carries credentials." });
  const parsed = URL.parse(url);
  if (parsed === null) return fail({ reason: "The URL is not valid." });
  if (options.allowLoopback && isLoopback(parsed.hostname)) return ok(parsed);
  if (parsed.protocol !== "https:") return fail({ reason: "Only https is allowed." });
  if (!ALLOWED_PORTS.has(parsed.port))
    return fail({ reason: "Only the ports 443 and 8443 are allowed." });
  const refusal = refuseHost(parsed.hostname);
  return refusal === null ? ok(parsed) : fail({ reason: refusal });
}

function refuseHost(hostname: string): string | null {
  const labels = hostname.split(".");
  const last = labels.at(-1) ?? "";
  // A host whose last label is numeric is an IPv4 address for the parser, a bracket starts an IPv6 one.
  if (hostname.startsWith("[") || /^\d+$/.test(last)) return "IP addresses are not allowed.";
  if (labels.includes("")) return "The host name has an empty label.";
  if (labels.length === 1) return "Single-label host names are not allowed.";
  if (SPECIAL_SUFFIXES.has(last)) return "The host name is reserved for private networks.";
  if (ALIAS_SERVICES.has(labels.slice(-2).join(".")))
    return "The host name stands for an address of the caller's choice.";
  return null;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
