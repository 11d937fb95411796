/**
 * The research scenario: each quoted subject is searched for, then the title of the first page found is, and then all is
 * summed up.
 *
 * Where the tools take references (their schemas have `gw_label`) the whole is one plan: the later searches take their
 * words from the results of the earlier ones, and the model is asked only once more. Otherwise it goes level by level.
 */

import { isObject, listOf, objectOf, parseObject, textOf } from "../http/json.ts";
import { toolAbout } from "./choose-tools.ts";
import type { Facts } from "./facts.ts";
import type { ModelTool } from "./request.ts";
import type { NamedResult, WantedCall } from "./travel.ts";

/** Says whether a prompt asks for research: the word, and at least one quoted subject. */
export function isResearch(facts: Facts): boolean {
  return /^research\b/i.test(facts.text) && facts.quoted.length > 0;
}

/** Calls by stage; one stage where the tool takes references. None without a tool that searches. */
export function researchStages(
  tools: readonly ModelTool[],
  { quoted }: Facts,
  results: readonly NamedResult[],
): readonly (readonly WantedCall[])[] {
  const search = toolAbout(tools, "search pages web");
  if (search === null) return [];
  const properties = objectOf(search.parameters, "properties");
  const [field = "query"] = Object.keys(properties).filter((name) => name !== "gw_label");
  const call = (query: unknown, more: object = {}): WantedCall => ({
    name: search.name,
    arguments: { [field]: query, ...more },
  });
  if ("gw_label" in properties) {
    const first = quoted.map((subject, n) => call(subject, { gw_label: `found_${n}` }));
    const second = quoted.map((_, n) => call({ $ref: `found_${n}#/results/0/title` }));
    return [[...first, ...second]];
  }
  const titles = results.slice(0, quoted.length).map(firstTitle);
  return [quoted.map((subject) => call(subject)), titles.map((title) => call(title))];
}

function firstTitle({ text }: NamedResult): string {
  const [first] = listOf(parseObject(text), "results").filter(isObject);
  return first === undefined ? "" : (textOf(first, "title") ?? "");
}
