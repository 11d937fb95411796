/**
 * A document in YAML as the JSON it stands for. Only YAML 1.2's core types are read: no dates, no tags, no merge keys, nothing
 * that is executed.
 *
 * Aliases make a short text large, so they are few, and what they stand for is counted as often as it is named. Import
 * this module where it is needed, not before: the parser is weight that few isolates carry.
 */

import { CORE_SCHEMA, load, YAMLException } from "js-yaml";

import type { Json } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { MAX_JSON_DEPTH } from "../bounded-json.ts";

/** Longest document, in characters; a longer one has to come as JSON, which is read much faster. */
export const MAX_YAML_LENGTH = 1024 * 1024;

/** Aliases (`*name`) in one document. */
export const MAX_YAML_ALIASES = 100;

/** Values in the document, with everything that aliases stand for. */
export const MAX_YAML_VALUES = 500_000;

/** The value of a YAML text, or a sentence on what is wrong with it and where. */
export function parseYaml(text: string): Result<Json, string> {
  if (text.length > MAX_YAML_LENGTH)
    return fail(`A document in YAML may have ${MAX_YAML_LENGTH} characters; send it as JSON.`);
  try {
    const options = { schema: CORE_SCHEMA, maxAliases: MAX_YAML_ALIASES, maxDepth: MAX_JSON_DEPTH };
    return new PlainCopy().take(load(text, options));
  } catch (error) {
    if (!(error instanceof YAMLException)) return fail("The document is not valid YAML.");
    const line = error.mark === undefined ? "" : ` (line ${error.mark.line + 1})`;
    return fail(`The document is not valid YAML: ${error.reason}${line}.`);
  }
}

/** Copies a value whose parts may be the same object many times, or hold themselves, into one that is plain. */
class PlainCopy {
  #left = MAX_YAML_VALUES;

  take(value: unknown): Result<Json, string> {
    const copy = this.#copy(value, MAX_JSON_DEPTH);
    if (copy !== undefined) return ok(copy);
    return fail(
      this.#left < 0
        ? `The document has more than ${MAX_YAML_VALUES} values, counted with its aliases.`
        : `The document nests deeper than ${MAX_JSON_DEPTH} levels or holds what JSON cannot.`,
    );
  }

  #copy(value: unknown, levels: number): Json | undefined {
    this.#left -= 1;
    if (this.#left < 0) return undefined;
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
    if (typeof value !== "object" || levels === 0) return undefined;
    if (Array.isArray(value)) {
      const items: Json[] = [];
      for (const item of value as readonly unknown[]) {
        const copy = this.#copy(item, levels - 1);
        if (copy === undefined) return undefined;
        items.push(copy);
      }
      return items;
    }
    const members: [string, Json][] = [];
    for (const [name, member] of Object.entries(value)) {
      const copy = this.#copy(member, levels - 1);
      if (copy === undefined) return undefined;
      members.push([name, copy]);
    }
    return Object.fromEntries(members);
  }
}
