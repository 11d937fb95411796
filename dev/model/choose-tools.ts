/**
 * Chooses among a request's tools by the words of their names and descriptions: a word of the prompt found in a name
 * counts three, in a description one; a prompt that holds arithmetic or code counts two for a tool that asks for it. Two
 * points are enough.
 */

import { wordsOf } from "../words.ts";
import { objectOf } from "../http/json.ts";
import type { Facts } from "./facts.ts";
import type { ModelTool } from "./request.ts";

/** Tools called at most in one answer. */
const MAX_CHOSEN = 8;
const ENOUGH = 2;
const COMMON = new Set(
  "a an the is are was be of in on at to for and or with from by it i my me you your we what which how when where who do does can could please give get find show tell need want this that current best using use tool return api".split(
    " ",
  ),
);

/** Tools that fit a prompt, best first. */
export function chooseTools(tools: readonly ModelTool[], facts: Facts): ModelTool[] {
  return ranked(tools, facts.text, (tool) => {
    const members = objectOf(tool.parameters, "properties");
    const isWanted =
      ("expression" in members && facts.expression !== null) ||
      ("source" in members && facts.code !== null);
    return isWanted ? 2 : 0;
  });
}

/** The tool that fits a few words best, or null. */
export function toolAbout(tools: readonly ModelTool[], words: string): ModelTool | null {
  return ranked(tools, words, () => 0)[0] ?? null;
}

function ranked(
  tools: readonly ModelTool[],
  prompt: string,
  bonus: (tool: ModelTool) => number,
): ModelTool[] {
  const words = new Set(wordsOf(prompt).filter((word) => !COMMON.has(word)));
  return tools
    .map((tool) => ({ tool, score: scoreOf(tool, words) + bonus(tool) }))
    .filter(({ score }) => score >= ENOUGH)
    .toSorted((left, right) => right.score - left.score)
    .slice(0, MAX_CHOSEN)
    .map(({ tool }) => tool);
}

function scoreOf(tool: ModelTool, words: ReadonlySet<string>): number {
  const named = new Set(wordsOf(tool.name.replaceAll(/([a-z])([A-Z])|[_.:-]/g, "$1 $2")));
  const described = new Set(wordsOf(tool.description));
  let score = 0;
  for (const word of words) score += named.has(word) ? 3 : described.has(word) ? 1 : 0;
  return score;
}
