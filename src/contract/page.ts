/** Lists: at most `limit` items after a cursor, and where to go on. */

/** Items of one answer when the client names no number. */
export const DEFAULT_PAGE_LIMIT = 20;
/** The most items a client may ask for at once. */
export const MAX_PAGE_LIMIT = 100;

/** What part of a list is asked for. */
export interface PageQuery {
  /** The `next` of the page before, or null for the first. */
  readonly after: string | null;
  /** 1 to `MAX_PAGE_LIMIT`; larger numbers are cut. */
  readonly limit: number;
}

/** One page. `next` is null on the last. */
export interface Page<T> {
  readonly data: readonly T[];
  readonly has_more: boolean;
  readonly next: string | null;
}

/** The page of `items`, which hold one more than `limit` when there are more to come. */
export function pageOf<T>(
  items: readonly T[],
  limit: number,
  cursor: (item: T) => string,
): Page<T> {
  const data = items.slice(0, limit);
  const last = data.at(-1);
  const hasMore = items.length > data.length;
  return { data, has_more: hasMore, next: hasMore && last !== undefined ? cursor(last) : null };
}

/** The limit in force: whole, at least 1 and at most `MAX_PAGE_LIMIT`. */
export function pageLimit(limit: number): number {
  return Math.min(MAX_PAGE_LIMIT, Math.max(1, Math.trunc(limit)));
}
