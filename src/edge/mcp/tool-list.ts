/**
 * The key's tools as an MCP client sees them: pages in a fixed order, annotations from what the gateway knows, not from
 * what a remote server said.
 */

import type { Effect, Tool, ToolDefinition } from "../../contract/tool.ts";
import { fail, ok, type Result } from "../../platform/result.ts";

/** Tools of one page. */
export const TOOLS_PER_PAGE = 100;

/** What an effect tells a client (`ToolAnnotations`). */
interface Annotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** A tool as `tools/list` has it. */
export interface ListedTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: { readonly type: "object"; readonly [keyword: string]: unknown };
  readonly outputSchema?: { readonly type: "object"; readonly [keyword: string]: unknown };
  readonly annotations: Annotations;
}

/** One page of tools by name, and where the next one starts. */
export interface ToolPage {
  readonly tools: readonly ListedTool[];
  readonly nextCursor?: string;
}

/** The tools after `cursor`; refused when no page ever gave that cursor out. */
export function toolPage(
  tools: readonly Tool[],
  cursor: string | undefined,
): Result<ToolPage, "unknown_cursor"> {
  const byName = tools.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const after = cursor === undefined ? "" : nameIn(cursor);
  if (after === null) return fail("unknown_cursor");
  const rest = byName.filter(({ name }) => name > after);
  const page = rest.slice(0, TOOLS_PER_PAGE);
  const last = page.at(-1);
  const hasMore = rest.length > page.length && last !== undefined;
  return ok({ tools: page.map(listed), ...(hasMore && { nextCursor: `after:${last.name}` }) });
}

function nameIn(cursor: string): string | null {
  return /^after:([A-Za-z0-9_.:-]{1,64})$/.exec(cursor)?.[1] ?? null;
}

function listed({ name, definition }: Tool): ListedTool {
  const { description, input, output } = definition;
  return {
    name,
    description,
    inputSchema: { ...input, type: "object" },
    ...(isOfObjects(output) && { outputSchema: { ...output, type: "object" } }),
    annotations: annotationsOf(definition),
  };
}

/** A protocol result is structured only when it is an object. */
function isOfObjects(output: ToolDefinition["output"]): boolean {
  return output?.["type"] === "object";
}

function annotationsOf({ effect, builtin }: ToolDefinition): Annotations {
  return { ...HINTS[effect], openWorldHint: builtin === undefined && effect !== "pure" };
}

const HINTS: Readonly<Record<Effect, Omit<Annotations, "openWorldHint">>> = {
  pure: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  read: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  idempotent_write: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  write: { readOnlyHint: false, destructiveHint: true, idempotentHint: false },
};
