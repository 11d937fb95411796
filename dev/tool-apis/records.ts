/**
 * A long list of records, for results that are too long for a model: `/records/{bytes}` answers with a JSON object of
 * about that many bytes. The same length always gives the same text; record `n` has the id `n`.
 */

/** Longest list that is made. */
export const MAX_RECORDS_BYTES = 8 * 1024 * 1024;

/** Lengths whose text is kept, because making it takes longer than sending it. */
const KEPT_TEXTS = 4;

const texts = new Map<number, string>();

/** The answer's JSON text, or null when the length is not one that is made. */
export function recordsText(bytes: number): string | null {
  if (!Number.isInteger(bytes) || bytes < 0 || bytes > MAX_RECORDS_BYTES) return null;
  const known = texts.get(bytes);
  if (known !== undefined) return known;
  const items: string[] = [];
  for (let length = 0; length < bytes;) {
    const text = JSON.stringify(record(items.length));
    items.push(text);
    length += text.length + 1;
  }
  const text = `{"total":${items.length},"items":[${items.join(",")}]}`;
  if (texts.size >= KEPT_TEXTS) texts.clear();
  texts.set(bytes, text);
  return text;
}

const COLOURS = ["red", "green", "blue", "white", "black"];

function record(id: number): object {
  return {
    id,
    name: `Record ${id}`,
    price: (id * 137) % 10_000,
    in_stock: id % 3 !== 0,
    tags: [COLOURS[id % 5], COLOURS[(id * 7) % 5]],
    updated_at: new Date(1_700_000_000_000 + id * 60_000).toISOString(),
    ...(id % 1_000 === 999 && { error: `Record ${id} could not be priced.` }),
  };
}
