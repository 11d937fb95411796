/**
 * Where an argument's value may come from: places of a conversation, each with a name that means the same in the next one.
 *
 * `text:number:0` is the first number of the last thing the user wrote, `text:quoted:directory` the first quoted span after
 * the word "directory", `text:number:…kg` the first number before "kg", `argument:cp.source` the argument `source` of the last call of `cp`, `argument:*.city` the last
 * argument of that name of any call, `result:search#/items/0/id` a place in the last result of `search`. Names are
 * what is learned; values never leave the conversation they are found in. Bounded in everything: what is beyond a bound is
 * not a source.
 */

import { isJsonArray, type Json } from "../../platform/canonical-json.ts";
import type { Scene } from "./scene.ts";

/** Sources found in one conversation. */
export const MAX_SOURCES = 600;

/** Characters of the last text that are looked at. */
const MAX_TEXT = 4_000;

/** Calls looked back at. */
const MAX_CALLS = 16;

/** Depth and items of a result that are looked at. */
const MAX_DEPTH = 4;
const MAX_ITEMS = 3;

/** Longest value a source may have, as JSON. */
const MAX_VALUE = 500;

/** Kinds of spans in a text; the first group that took part is the value. */
const SPANS: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ["quoted", /'([^'\n]{1,200})'|"([^"\n]{1,200})"|“([^”\n]{1,200})”|‘([^’\n]{1,200})’/g],
  ["date", /(?<![\w/-])(\d{4}-\d{2}-\d{2}|\d{1,2}[/.]\d{1,2}[/.]\d{4})(?![\w/-])/g],
  ["number", /(?<![\w.])(-?\d[\d,]*(?:\.\d+)?)(?![\w])/g],
  ["file", /\b([\w-]+\.[A-Za-z]{1,5})\b/g],
  ["code", /\b([A-Z]{2,6})\b/g],
  ["id", /\b([A-Za-z]+[_-]?\d+\w*|[A-Za-z]+_\w+)\b/g],
  ["name", /\b([A-Z][a-z]+(?: [A-Z][a-z]+){0,3})\b/g],
];

/** What a span is a number of, or what it is called: the word or sign right after it. */
const UNIT = /^['"”’]?[ -]?([A-Za-z]+|[%°€])/;

/** Every source of a conversation with its value, by name. A name has one value: the newest, or the first in a text. */
export function sourcesOf(scene: Scene): ReadonlyMap<string, Json> {
  const sources = new Map<string, Json>();
  const add = (name: string, value: Json): void => {
    if (sources.size >= MAX_SOURCES || sources.has(name)) return;
    if (JSON.stringify(value).length <= MAX_VALUE) sources.set(name, value);
  };
  const lastText = scene.findLast((step) => step.kind === "text");
  if (lastText !== undefined) addSpans(lastText.text.slice(0, MAX_TEXT), add);
  const calls = scene.filter((step) => step.kind === "call").slice(-MAX_CALLS);
  for (const call of calls.toReversed()) {
    for (const [name, value] of Object.entries(call.arguments)) {
      add(`argument:${call.tool}.${name}`, value);
      add(`argument:*.${name}`, value);
    }
    if (call.succeeded) addPlaces(call.output, `result:${call.tool}#`, 0, add);
  }
  return sources;
}

type Add = (name: string, value: Json) => void;

function addSpans(text: string, add: Add): void {
  for (const [kind, pattern] of SPANS) {
    let place = 0;
    for (const match of text.matchAll(pattern)) {
      const span = match.slice(1).find((group) => group !== undefined) ?? "";
      const [, before = ""] = /([A-Za-z]+)\W*$/.exec(text.slice(0, match.index)) ?? [];
      const [, after = ""] = UNIT.exec(text.slice(match.index + match[0].length)) ?? [];
      const names = [
        `${place}`,
        before.toLowerCase(),
        after === "" ? "" : `…${after.toLowerCase()}`,
      ];
      for (const name of names.filter((word) => word !== "")) {
        add(`text:${kind}:${name}`, kind === "number" ? Number(span.replaceAll(",", "")) : span);
        if (kind === "number") add(`text:digits:${name}`, span);
      }
      place += 1;
    }
  }
}

function addPlaces(value: Json, name: string, depth: number, add: Add): void {
  add(name, value);
  if (value === null || typeof value !== "object" || depth === MAX_DEPTH) return;
  const members = isJsonArray(value) ? value.slice(0, MAX_ITEMS).entries() : Object.entries(value);
  for (const [member, inner] of members) {
    const escaped = String(member).replaceAll("~", "~0").replaceAll("/", "~1");
    addPlaces(inner, `${name}/${escaped}`, depth + 1, add);
  }
}
