/** Names and small values that many schemas share, each with its bound. */

import * as z from "zod/mini";

/** A tool's name as its tenant writes it; mapped both ways to what a model provider accepts. */
export const ToolName = z.string().check(z.regex(/^[A-Za-z0-9_.:-]{1,64}$/));

/** Ids and labels of calls: what stands before the `#` of a reference. */
export const CALL_LABEL = /^[A-Za-z0-9_.:-]{1,64}$/;

/** Name of an upstream, secret or target: a lower-case word that is safe in a path and in a template. */
export const ResourceName = z.string().check(z.regex(/^[a-z0-9][a-z0-9_-]{0,63}$/));

/** Name of an MCP server: a lower-case word without `__`, because its tools are called `label__tool`. */
export const McpLabel = z.string().check(z.regex(/^[a-z0-9](?:[_-]?[a-z0-9]){0,31}$/));

/** A tool's name as its MCP server writes it. */
export const McpToolName = z.string().check(z.minLength(1), z.maxLength(128));

/** Free text shown to people. */
export const Label = z.string().check(z.minLength(1), z.maxLength(200));

/** A BCP 47 language tag, or "auto" to take the caller's. */
export const LocaleSetting = z
  .string()
  .check(z.regex(/^(auto|[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3})$/));

/** A word of the tenant's own by which tools are gathered: a tag, a group. */
export const GroupName = z.string().check(z.regex(/^[A-Za-z0-9_.:-]{1,64}$/));

/** Any JSON object; its content is the tenant's own. */
export const AnyObject = z.record(z.string(), z.json());

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number) {
  return z.int().check(z.gte(least), z.lte(most));
}
