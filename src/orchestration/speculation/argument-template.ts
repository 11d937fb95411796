/**
 * How a tool is called, learned from how it was called: which arguments it gets, and from where their values come.
 *
 * Every value of an observed call is looked for among the sources of its conversation; a source that had the value has
 * a hit, a known one that had another has a miss, both forgotten by half every `HALF_LIFE` calls. A value seen before may also simply be the
 * same again (`constant:…`). The chance of an argument is the mean of its best source's Beta distribution; the chance of a
 * call is that of its set of arguments times those of its arguments, which are taken as independent.
 */

import { canonicalJson, type Json, type JsonObject } from "../../platform/canonical-json.ts";

/** Calls of a tool after which an earlier one weighs half. */
export const HALF_LIFE = 64;

/** Sources remembered of one argument; the least convincing leaves. */
export const MAX_SOURCES_OF_ARGUMENT = 48;

/** Sets of arguments and arguments remembered of one tool. */
const MAX_SHAPES = 16;
const MAX_ARGUMENTS = 64;

/** A source nobody has tried: Beta(0.5, 1). */
const PRIOR_HITS = 0.5;
const PRIOR_MISSES = 1;

/** Longest value that may be a constant, as JSON. */
const MAX_CONSTANT = 200;

/** A value that leads to another call's result means nothing outside its turn. */
const REFERENCE = /"\$(?:ref|tmpl)":/;

/** Before the JSON of a value that is a source of its own. */
const CONSTANT = "constant:";

interface Tally {
  hits: number;
  misses: number;
}

/** A call as it may be made next. */
export interface FilledTemplate {
  readonly arguments: JsonObject;
  /** That the tool's next call has exactly these, 0 to 1. */
  readonly probability: number;
}

/** What is known of one tool. */
export class ArgumentTemplate {
  readonly #shapes = new Map<string, number>();
  readonly #arguments = new Map<string, Map<string, Tally>>();

  /** Learns from a call; `sources` are those of the conversation just before it. */
  observe(values: JsonObject, sources: ReadonlyMap<string, Json>): void {
    const keep = 2 ** (-1 / HALF_LIFE);
    for (const [shape, count] of this.#shapes) this.#shapes.set(shape, count * keep);
    const shape = JSON.stringify(Object.keys(values).toSorted());
    this.#shapes.set(shape, (this.#shapes.get(shape) ?? 0) + 1);
    trim(this.#shapes, MAX_SHAPES, (count) => count);
    for (const [name, value] of Object.entries(values)) this.#observe(name, value, sources, keep);
  }

  /** The likeliest next call, or null when nothing can be said. */
  nextCall(sources: ReadonlyMap<string, Json>): FilledTemplate | null {
    const total = [...this.#shapes.values()].reduce((sum, count) => sum + count, 0);
    let best: FilledTemplate | null = null;
    for (const [shape, count] of this.#shapes) {
      const filled = this.#fillShape(shape, sources);
      const probability = filled === null ? 0 : (filled.probability * count) / total;
      if (filled !== null && probability > (best?.probability ?? 0))
        best = { ...filled, probability };
    }
    return best;
  }

  #fillShape(shape: string, sources: ReadonlyMap<string, Json>): FilledTemplate | null {
    const names: readonly string[] = JSON.parse(shape);
    const members: [string, Json][] = [];
    let probability = 1;
    for (const name of names) {
      const best = bestSource(this.#arguments.get(name), sources);
      if (best === null) return null;
      members.push([name, best.value]);
      probability *= best.probability;
    }
    return { arguments: Object.fromEntries(members), probability };
  }

  #observe(name: string, value: Json, sources: ReadonlyMap<string, Json>, keep: number): void {
    if (!this.#arguments.has(name) && this.#arguments.size >= MAX_ARGUMENTS) return;
    const tallies = this.#arguments.get(name) ?? new Map<string, Tally>();
    this.#arguments.set(name, tallies);
    const text = canonicalJson(value);
    for (const [source, tally] of tallies) {
      const had = source.startsWith(CONSTANT)
        ? source.slice(CONSTANT.length)
        : textOf(sources.get(source));
      tally.hits *= keep;
      tally.misses *= keep;
      if (had === null) continue;
      if (had === text) tally.hits += 1;
      else tally.misses += 1;
    }
    const found = [...sources].flatMap(([source, had]) =>
      canonicalJson(had) === text ? [source] : [],
    );
    if (text.length <= MAX_CONSTANT && !REFERENCE.test(text)) found.push(CONSTANT + text);
    for (const source of found)
      if (!tallies.has(source)) tallies.set(source, { hits: 1, misses: 0 });
    trim(tallies, MAX_SOURCES_OF_ARGUMENT, ({ hits, misses }) => hits - misses / 4);
  }
}

function textOf(value: Json | undefined): string | null {
  return value === undefined ? null : canonicalJson(value);
}

function valueOf(source: string, sources: ReadonlyMap<string, Json>): Json | undefined {
  if (!source.startsWith(CONSTANT)) return sources.get(source);
  const value: Json = JSON.parse(source.slice(CONSTANT.length));
  return value;
}

function bestSource(
  tallies: ReadonlyMap<string, Tally> | undefined,
  sources: ReadonlyMap<string, Json>,
): { readonly value: Json; readonly probability: number } | null {
  let best: { value: Json; probability: number } | null = null;
  for (const [source, { hits, misses }] of tallies ?? []) {
    const value = valueOf(source, sources);
    if (value === undefined) continue;
    const probability = (hits + PRIOR_HITS) / (hits + misses + PRIOR_HITS + PRIOR_MISSES);
    if (probability > (best?.probability ?? 0)) best = { value, probability };
  }
  return best;
}

/** Takes out the entries of least worth until no more than `most` are left. */
function trim<T>(map: Map<string, T>, most: number, worth: (value: T) => number): void {
  if (map.size <= most) return;
  const worst = [...map].toSorted(([, a], [, b]) => worth(a) - worth(b));
  for (const [key] of worst.slice(0, map.size - most)) map.delete(key);
}
