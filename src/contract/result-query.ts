/** Kept results: a tool's answer that was too long for where it was wanted, kept in full under a handle. */

import * as z from "zod/mini";

import { wholeNumber } from "./names.ts";

/** Name of the built-in tool that reads kept results; no tool of a tenant may take it. */
export const RESULT_QUERY = "result_query";

/** What a handle looks like. */
export const RESULT_HANDLE = /^res_[0-9A-Za-z]{22}$/;

/** A JSON pointer (RFC 6901); `""` is the whole value. */
export const ResultPointer = z.string().check(z.regex(/^(\/([^~]|~[01])*)?$/), z.maxLength(1024));

/** A member's name, or a JSON pointer into each item. */
const Field = z.string().check(z.maxLength(256));

/** How a list's items are compared. `contains` looks into texts (in any case) and lists. */
const Comparison = z.enum(["equals", "not_equals", "contains", "gt", "gte", "lt", "lte"]);

/** The arguments of `result_query`. */
export const ResultQuery = z.strictObject({
  handle: z.string().check(z.regex(RESULT_HANDLE)),
  pointer: z._default(ResultPointer, ""),
  /** Only items of a list for which this holds. Without `field` the item itself is compared. */
  filter: z.optional(
    z.strictObject({
      field: z._default(Field, ""),
      op: Comparison,
      value: z.union([z.string().check(z.maxLength(4096)), z.number(), z.boolean(), z.null()]),
    }),
  ),
  /** Items of a list, or characters of a text, to pass over. */
  offset: z._default(wholeNumber(0, 100_000_000), 0),
  /** Items of a list, or characters of a text, to answer with. */
  limit: z.optional(wholeNumber(1, 100_000)),
  /** Of each item, or of an object, only these. */
  fields: z.optional(z.array(Field).check(z.minLength(1), z.maxLength(32))),
});
/** The arguments of `result_query`, defaults filled in. */
export type ResultQuery = z.infer<typeof ResultQuery>;
