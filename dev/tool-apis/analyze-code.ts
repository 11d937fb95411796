/**
 * Code analysis that really parses: TypeScript is stripped of its types by Node (positions stay), then acorn reads it.
 * Complexity is McCabe's cyclomatic number: one plus the decision points of a function (T. J. McCabe 1976).
 */

import { stripTypeScriptTypes } from "node:module";

import { parse, type Node } from "acorn";

import { fail, ok, type Result } from "../../src/platform/result.ts";

/** One function found. */
export interface FunctionReport {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
  readonly parameters: number;
  readonly complexity: number;
}

/** What a source text holds. */
export interface CodeReport {
  readonly language: string;
  readonly lines: number;
  readonly functions: readonly FunctionReport[];
  readonly imports: readonly string[];
  /** Decision points of the whole text plus one. */
  readonly complexity: number;
  readonly longest_function: FunctionReport | null;
}

const MAX_SOURCE = 512 * 1024;
const FUNCTION_TYPES = ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"];
const DECISIONS = [
  "IfStatement",
  "ConditionalExpression",
  "ForStatement",
  "ForInStatement",
  "ForOfStatement",
  "WhileStatement",
  "DoWhileStatement",
  "CatchClause",
  "LogicalExpression",
];

/** Parses JavaScript or TypeScript and reports its functions; a failure carries the parser's message. */
export function analyzeCode(source: string, language: string): Result<CodeReport, string> {
  if (source.length > MAX_SOURCE) return fail(`source is longer than ${MAX_SOURCE} characters`);
  try {
    const plain = /^(ts|typescript)$/i.test(language) ? stripTypeScriptTypes(source) : source;
    const tree = parse(plain, { ecmaVersion: "latest", sourceType: "module", locations: true });
    return ok(report(tree, source, language));
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

function report(tree: Node, source: string, language: string): CodeReport {
  const functions: FunctionReport[] = [];
  const imports: string[] = [];
  visit(tree, null, (node, parent) => {
    if (FUNCTION_TYPES.includes(node.type)) functions.push(describe(node, parent));
    if (node.type === "ImportDeclaration") {
      const from = child(node, "source");
      imports.push(String(from === null ? "" : member(from, "value")));
    }
  });
  const [longest = null] = functions.toSorted((left, right) => right.lines - left.lines);
  return {
    language,
    lines: source.split("\n").length,
    functions,
    imports,
    complexity: 1 + decisions(tree, true),
    longest_function: longest,
  };
}

function describe(node: Node, parent: Node | null): FunctionReport {
  const first = node.loc?.start.line ?? 0;
  const parameters = member(node, "params");
  return {
    name: nameOf(child(node, "id") ?? ownName(parent)),
    line: first,
    lines: (node.loc?.end.line ?? first) - first + 1,
    parameters: Array.isArray(parameters) ? parameters.length : 0,
    complexity: 1 + decisions(node, false),
  };
}

/** A function without a name takes that of the variable, property or method that holds it. */
function ownName(parent: Node | null): Node | null {
  if (parent === null) return null;
  return child(parent, "id") ?? child(parent, "key") ?? child(parent, "left");
}

function nameOf(node: Node | null): string {
  const name = node === null ? null : (member(node, "name") ?? member(node, "value"));
  return typeof name === "string" ? name : "(anonymous)";
}

function decisions(root: Node, intoFunctions: boolean): number {
  let count = 0;
  visit(root, null, (node) => {
    if (node !== root && !intoFunctions && FUNCTION_TYPES.includes(node.type)) return false;
    const isCase = node.type === "SwitchCase" && child(node, "test") !== null;
    if (isCase || DECISIONS.includes(node.type)) count += 1;
    return true;
  });
  return count;
}

/** Walks every node; a visitor that answers false is not asked about the node's children. */
function visit(
  node: Node,
  parent: Node | null,
  look: (node: Node, parent: Node | null) => boolean | void,
): void {
  if (look(node, parent) === false) return;
  for (const value of Object.values(node)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (isNode(one)) visit(one, node, look);
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

function member(node: Node, key: string): unknown {
  return Object.entries(node).find(([name]) => name === key)?.[1];
}

function child(node: Node, key: string): Node | null {
  const value = member(node, key);
  return isNode(value) ? value : null;
}
