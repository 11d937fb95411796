/** Secrets of a tenant: sealed at rest, usable only in header and query templates, only for the hosts they are bound to. */

import * as z from "zod/mini";

/** The body of `PUT /v1/secrets/{name}`. */
export const SecretPut = z.strictObject({
  value: z.string().check(z.minLength(1), z.maxLength(8192)),
  /** Exact host names, with a port where it is not the scheme's own, e.g. `api.example.com` or `127.0.0.1:9000`. */
  hosts: z
    .array(z.string().check(z.regex(/^[a-z0-9.:[\]-]{1,255}$/)))
    .check(z.minLength(1), z.maxLength(20)),
});
/** A secret as its tenant sends it. */
export type SecretPut = z.infer<typeof SecretPut>;

/** AES-256-GCM output: which key sealed it, nonce and ciphertext with tag, all base64url. */
export interface Sealed {
  readonly key: string;
  readonly iv: string;
  readonly ct: string;
}

/** A secret as stored and as it travels between rooms; the value is only ever opened where the request is built. */
export interface SealedSecret {
  readonly name: string;
  readonly version: number;
  readonly hosts: readonly string[];
  readonly value: Sealed;
}
