/** How each kind of model provider wants to be shown a key. */

import type { Upstream } from "../contract/upstream.ts";

/** The version of the Messages API whose format is spoken; Anthropic has had no other since. */
const ANTHROPIC_VERSION = "2023-06-01";

/** `Authorization: Bearer`, nothing without a key. */
export function bearerHeaders(apiKey: string | null): Readonly<Record<string, string>> {
  return apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };
}

/** `x-api-key` and the version of the format. */
export function anthropicHeaders(apiKey: string | null): Readonly<Record<string, string>> {
  return {
    "anthropic-version": ANTHROPIC_VERSION,
    ...(apiKey === null ? {} : { "x-api-key": apiKey }),
  };
}

/** The headers of a provider of this kind. */
export function providerHeaders(
  kind: Upstream["kind"],
  apiKey: string | null,
): Readonly<Record<string, string>> {
  return kind === "anthropic" ? anthropicHeaders(apiKey) : bearerHeaders(apiKey);
}
