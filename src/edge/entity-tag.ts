/**
 * Entity tags: `ETag`, `If-None-Match` with 304, and `If-Match` of versioned resources (RFC 9110 §8.8.3, §13.1).
 *
 * A versioned resource's tag is its version; everything else is tagged by its bytes.
 */

import type { Context } from "hono";

import { toBase64Url, utf8 } from "../platform/encoding.ts";
import type { EdgeEnv } from "./edge-env.ts";

/** Bytes of the digest in a tag. */
const TAG_BYTES = 16;

/** How long whom may keep an answer. Both ask before every use, which is what the tag is for. */
export type Cacheability = "private, no-cache" | "public, no-cache";

/** An answer with a tag, or 304 when the caller already has it. Without `version` the tag comes from the bytes. */
export async function answerTagged(
  c: Context<EdgeEnv>,
  text: string,
  options: { contentType?: string; version?: number; cacheability?: Cacheability } = {},
): Promise<Response> {
  const { contentType = "application/json", version, cacheability = "private, no-cache" } = options;
  const tag = version === undefined ? await tagOf(text) : versionTag(version);
  // What a tenant reads depends on its key.
  const vary = cacheability.startsWith("private") && { vary: "authorization" };
  const headers = { etag: tag, "cache-control": cacheability, ...vary };
  if (matches(c.req.header("if-none-match"), tag))
    return new Response(null, { status: 304, headers });
  return new Response(text, { headers: { ...headers, "content-type": contentType } });
}

/** The tag of a version. */
export function versionTag(version: number): string {
  return `"${String(version)}"`;
}

/** The version an `If-Match` header asks for; null without one or for `*`, -1 (no version) when it is not ours. */
export function ifMatchVersion(header: string | undefined): number | null {
  if (header === undefined || header.trim() === "*") return null;
  const version = /^"(\d{1,15})"$/.exec(header.trim())?.[1];
  return version === undefined ? -1 : Number(version);
}

/** Weak comparison, as RFC 9110 §13.1.2 wants for `If-None-Match`. */
function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((item) => {
    const candidate = item.trim().replace(/^W\//, "");
    return candidate === "*" || candidate === tag;
  });
}

async function tagOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text)));
  return `"${toBase64Url(digest.subarray(0, TAG_BYTES))}"`;
}
