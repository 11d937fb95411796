/**
 * Mutants of a source: one small change each, to a comparison, a constant, an early return or an await.
 *
 * Node's type stripping leaves every character where it was, so what a parser of JavaScript finds in the stripped text is
 * changed in the TypeScript itself. Messages for people, imports and property names are left alone.
 */

import { stripTypeScriptTypes } from "node:module";

import { type Node, parse } from "acorn";

/** What is changed. */
export type MutantKind = "comparison" | "constant" | "early return" | "await";

/** One change: `source` with `replacement` in the place from `start` to `end`. */
export interface Mutant {
  readonly kind: MutantKind;
  readonly start: number;
  readonly end: number;
  readonly original: string;
  readonly replacement: string;
  /** The line it is in, from 1, and its text. */
  readonly line: number;
  readonly lineText: string;
  /** Place in that text, from 0. */
  readonly column: number;
}

/** A mutant of a file. */
export interface FileMutant extends Mutant {
  readonly file: string;
}

const COMPARISONS: Readonly<Record<string, string>> = {
  "===": "!==",
  "!==": "===",
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
};

/** Longest part of a mutant's name. */
const MAX_NAME_PART = 90;

type Change = Pick<Mutant, "kind" | "start" | "end" | "replacement">;

interface Place {
  readonly node: Tree;
  readonly parent: Tree | null;
  readonly key: string;
}

type Tree = Node & Readonly<Record<string, unknown>>;

/** All mutants of `source`, in their order. */
export function mutantsOf(source: string): readonly Mutant[] {
  const stripped = stripTypeScriptTypes(source, { mode: "strip" });
  if (stripped.length !== source.length) throw new Error("Stripping types moved the text.");
  const program = parse(stripped, { ecmaVersion: "latest", sourceType: "module" });
  const places: Place[] = [];
  if (isTree(program)) visit({ node: program, parent: null, key: "" }, places);
  const changes = places.flatMap((place) => changesAt(place, stripped));
  return changes
    .toSorted((a, b) => a.start - b.start)
    .map((change) => {
      const before = source.slice(0, change.start).split("\n");
      const line = source.split("\n")[before.length - 1] ?? "";
      return {
        ...change,
        original: source.slice(change.start, change.end),
        line: before.length,
        lineText: line.trim(),
        column: (before.at(-1) ?? "").length - (line.length - line.trimStart().length),
      };
    });
}

/** `source` with the change made. */
export function mutated(source: string, { start, end, replacement }: Mutant): string {
  return source.slice(0, start) + replacement + source.slice(end);
}

/** The name of a mutant that stays the same while other lines come and go. */
export function nameOf({ file, lineText, original, replacement, column }: FileMutant): string {
  const change = `${short(original)} → ${replacement === "" ? "nothing" : replacement}`;
  return `${file}: ${short(lineText)} [${change}, ${column}]`;
}

function short(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("`", "'").slice(0, MAX_NAME_PART);
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

function visit(place: Place, places: Place[]): void {
  if (place.node.type === "ImportDeclaration") return;
  places.push(place);
  for (const [key, value] of Object.entries(place.node)) {
    for (const child of Array.isArray(value) ? value : [value])
      if (isTree(child)) visit({ node: child, parent: place.node, key }, places);
  }
}

function changesAt(place: Place, text: string): readonly Change[] {
  const { node } = place;
  switch (node.type) {
    case "BinaryExpression":
      return comparisonAt(node, text);
    case "Literal":
      return constantAt(place, text);
    case "ReturnStatement":
      return returnAt(place);
    case "AwaitExpression": {
      const { argument } = node;
      if (!isTree(argument)) return [];
      return [{ kind: "await", start: node.start, end: argument.start, replacement: "" }];
    }
    default:
      return [];
  }
}

function comparisonAt(node: Tree, text: string): readonly Change[] {
  const { left, right, operator } = node;
  if (!isTree(left) || !isTree(right) || typeof operator !== "string") return [];
  const replacement = COMPARISONS[operator];
  const start = text.indexOf(operator, left.end);
  if (replacement === undefined || start === -1 || start >= right.start) return [];
  return [{ kind: "comparison", start, end: start + operator.length, replacement }];
}

function constantAt({ node, parent, key }: Place, text: string): readonly Change[] {
  const { value, start, end } = node;
  const isName = parent?.type === "Property" && key === "key";
  // `typeof x === "string"` is a question about a type, and a message is for people.
  const isMessage = typeof value === "string" && (/\s/.test(value) || isMessageOf(parent, text));
  if (isName || isMessage) return [];
  const change = (replacement: string): readonly Change[] => [
    { kind: "constant", start, end, replacement },
  ];
  if (typeof value === "boolean") return change(String(!value));
  if (typeof value === "number") return change(String(value + 1));
  return typeof value === "string" ? change(JSON.stringify(`${value}!`)) : [];
}

function isMessageOf(parent: Tree | null, text: string): boolean {
  if (parent === null) return false;
  const source = text.slice(parent.start, parent.end);
  return source.startsWith("new Error(") || source.startsWith("message:");
}

/** A return that is not the last thing its function does. */
function returnAt({ node, parent, key }: Place): readonly Change[] {
  const isAlone = parent?.type === "IfStatement" && key !== "test";
  const isNested = parent?.type === "BlockStatement" || parent?.type === "SwitchCase";
  const siblings = parent === null ? [] : (parent["body"] ?? parent["consequent"]);
  const isLast = Array.isArray(siblings) && siblings.at(-1) === node;
  if (!isAlone && !(isNested && !isLast)) return [];
  return [{ kind: "early return", start: node.start, end: node.end, replacement: ";" }];
}
