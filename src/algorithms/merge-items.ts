/**
 * Merges lists of items into one without duplicates. Items with the same key are one item: the first stands, members it
 * lacks are taken from later ones, and every member (at any depth of objects) in which they differ is a conflict, which
 * the first wins. Equality is that of canonical JSON (RFC 8785). Lists inside items are compared whole.
 *
 * Formula: for items i1 … in of one key, merged = i1 ⊔ i2 ⊔ … ⊔ in, where a ⊔ b = a for anything but two objects, and
 * (a ⊔ b)[m] = a[m] ⊔ b[m] for objects. It is a left-biased union, as in `Map.union` of functional libraries.
 */

import {
  canonicalJson,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../platform/canonical-json.ts";

/** One item, whose it is and what tells it from others. A null key: it equals nothing else. */
export interface SourcedItem {
  readonly from: string;
  readonly key: string | null;
  readonly item: Json;
}

/** One place where two items of the same key differ. */
export interface ItemConflict {
  readonly key: string;
  /** JSON pointer into the item. */
  readonly pointer: string;
  /** Whose value stands, and whose was dropped. */
  readonly kept: string;
  readonly dropped: string;
}

/** The merged items in the order of their first appearance, and at most `maxConflicts` conflicts. */
export function mergeItems(
  sources: readonly SourcedItem[],
  maxConflicts: number,
): { readonly items: readonly Json[]; readonly conflicts: readonly ItemConflict[] } {
  const merged: { from: string; item: Json }[] = [];
  const byKey = new Map<string, { from: string; item: Json }>();
  const conflicts: ItemConflict[] = [];
  for (const { from, key, item } of sources) {
    const known = key === null ? undefined : byKey.get(key);
    if (known === undefined || key === null) {
      const entry = { from, item };
      merged.push(entry);
      if (key !== null) byKey.set(key, entry);
      continue;
    }
    known.item = union(known.item, item, "", (pointer) => {
      if (conflicts.length < maxConflicts)
        conflicts.push({ key, pointer, kept: known.from, dropped: from });
    });
  }
  return { items: merged.map(({ item }) => item), conflicts };
}

function union(first: Json, later: Json, pointer: string, differ: (pointer: string) => void): Json {
  if (isJsonObject(first) && isJsonObject(later))
    return unionOfObjects(first, later, pointer, differ);
  if (canonicalJson(first) !== canonicalJson(later)) differ(pointer);
  return first;
}

function unionOfObjects(
  first: JsonObject,
  later: JsonObject,
  pointer: string,
  differ: (pointer: string) => void,
): JsonObject {
  const members = new Map<string, Json>(Object.entries(first));
  for (const [name, value] of Object.entries(later)) {
    const own = members.get(name);
    const at = `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    members.set(name, own === undefined ? value : union(own, value, at, differ));
  }
  return Object.fromEntries(members);
}
