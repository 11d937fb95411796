/** The hash by which a run knows its calls; apart from the rest of a durable run, because it needs the platform. */

import { toBase64Url, utf8 } from "../platform/encoding.ts";

/** SHA-256 in base64url. */
export async function digest(text: string): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text))));
}
