/**
 * NoteWritten: a committed write invalidates the results that are kept under its tags.
 *
 * The write is not reported before that is counted, so whoever hears of it and reads next, here, reads anew. When the count
 * does not come soon, the report does not wait for it: it goes on in the background.
 */

import { tagScope } from "../tools/cache/generations.ts";
import { invalidateResults, lookAgain } from "./result-layers.ts";
import type { ToolContext } from "./tool-ports.ts";

/** Longest wait of a write for its invalidation. */
const MAX_WAIT_MS = 1_000;

/** Tries to count it, and the pause between two. */
const TRIES = 3;
const PAUSE_MS = 200;

/** Invalidates what is kept under those of the tags under which anything is kept. Never rejects. */
export async function noteWritten(
  env: Pick<Env, "RESULT_CACHE" | "ROLE">,
  context: Pick<ToolContext, "tenantId" | "residency" | "cacheTags">,
  tags: readonly string[],
  defer: (work: Promise<unknown>) => void,
): Promise<void> {
  const { cacheTags } = context;
  const scopes = tags.filter((tag) => cacheTags?.includes(tag) ?? true).map(tagScope);
  if (scopes.length === 0) return;
  const counted = count(env, context, scopes);
  defer(counted);
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, MAX_WAIT_MS);
  await Promise.race([counted, late]);
  clearTimeout(timer);
}

async function count(
  env: Pick<Env, "RESULT_CACHE" | "ROLE">,
  context: Pick<ToolContext, "tenantId" | "residency">,
  scopes: readonly string[],
): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await invalidateResults(env, context, scopes);
    } catch {
      lookAgain(context.tenantId);
      if (tried === TRIES) return;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
