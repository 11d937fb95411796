/** `POST /v1/tools/import`: tools out of an OpenAPI document. */

import * as z from "zod/mini";

import { AnyObject, ResourceName } from "./names.ts";

const Words = z.array(z.string().check(z.minLength(1), z.maxLength(256))).check(z.maxLength(256));

/** Longest document that is sent as text; the body's own bound is as large. */
const MAX_DOCUMENT_LENGTH = 4 * 1024 * 1024;

const MAX_URL_LENGTH = 2048;

/** True for the text of a document, false for the URL of one. */
export function isDocumentText(openapi: string): boolean {
  return openapi.includes("\n");
}

/** The body of `POST /v1/tools/import`. */
export const OpenApiImport = z.strictObject({
  /** The document (OpenAPI 3.0 or 3.1) as an object or as text in JSON or YAML, or the URL of one. One line is a URL. */
  openapi: z.union([
    z.string().check(
      z.minLength(1),
      z.maxLength(MAX_DOCUMENT_LENGTH),
      z.refine((text) => text.length <= MAX_URL_LENGTH || isDocumentText(text)),
    ),
    AnyObject,
  ]),
  /** Base URL of the API; default: the document's first server. */
  server: z.optional(z.string().check(z.minLength(1), z.maxLength(2048))),
  /** Which operations: those that fit every list given. Default: all. */
  select: z.optional(
    z.strictObject({
      /** `operationId`s, or `METHOD /path`. */
      operations: z.optional(Words),
      tags: z.optional(Words),
    }),
  ),
  /** Written before every tool's name. */
  prefix: z.optional(z.string().check(z.regex(/^[A-Za-z0-9_.:-]{1,32}$/))),
  /** The tenant's secret for each security scheme of the document; default: one of the scheme's own name. */
  secrets: z.optional(z.record(z.string().check(z.maxLength(128)), ResourceName)),
  /** Tools that exist are replaced; otherwise they are listed and left alone. */
  replace: z._default(z.boolean(), false),
  /** Nothing is stored; the answer says what would be. */
  dry_run: z._default(z.boolean(), false),
});
/** An import, defaults filled in. */
export type OpenApiImport = z.infer<typeof OpenApiImport>;
