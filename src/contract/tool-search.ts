/** `tool_search`: the built-in tool with which a model finds tools that are not in its prompt. */

import * as z from "zod/mini";

import { wholeNumber } from "./names.ts";

/** Its name; no tool of a tenant may take it. */
export const TOOL_SEARCH = "tool_search";

/** Matches of one search when it names no number. */
export const DEFAULT_MATCHES = 5;

/** The arguments of `tool_search`. */
export const ToolSearch = z.strictObject({
  /** What the tool should do, in words. */
  query: z.string().check(z.minLength(1), z.maxLength(1_000)),
  /** Tools to find. */
  limit: z._default(wholeNumber(1, 20), DEFAULT_MATCHES),
});
/** The arguments of `tool_search`, defaults filled in. */
export type ToolSearch = z.infer<typeof ToolSearch>;
