/**
 * Reads a program that a model wrote to call tools (`await tools.weather({city: "Paris"})`) and finds the calls that will
 * be made whatever the program does: those with literal arguments, not under a branch, not after a write.
 *
 * Nothing of the program is executed. A call is found only where the program must come to it: statements in order, `try`
 * bodies, blocks and immediately called functions are followed; branches, loops, short circuits and functions that are
 * merely defined are not, and what may leave the program early ends the search. A name counts as a literal when it is a `const`
 * of the same program with a literal value. A program that does not parse has no calls to find; the provider will say
 * what is wrong with it. Calls found beyond the bound are left out: starting early is never owed.
 */

import {
  parse,
  type Expression,
  type ModuleDeclaration,
  type Node,
  type Pattern,
  type SpreadElement,
  type Statement,
} from "acorn";

import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import { literalOf, literalText } from "./program-literals.ts";

/** Longest program that is read, in characters. */
export const MAX_PROGRAM_LENGTH = 64 * 1024;

/** Calls found in one program. */
export const MAX_PROGRAM_CALLS = 32;

/** Nesting of statements and expressions that is followed. */
const MAX_DEPTH = 32;

/** A call the program will make. */
export interface ProgramCall {
  /** As the program writes it: the name the provider knows the tool by. */
  readonly name: string;
  readonly arguments: JsonObject;
}

/** The calls of `code`, in order. `mayStart` says of a tool's name whether it may be started before it is asked for. */
export function findProgramCalls(
  code: string,
  mayStart: (name: string) => boolean,
): readonly ProgramCall[] {
  if (code.length > MAX_PROGRAM_LENGTH) return [];
  try {
    const options = {
      ecmaVersion: 2025,
      sourceType: "module",
      allowAwaitOutsideFunction: true,
      allowReturnOutsideFunction: true,
    } as const;
    const search = new ProgramSearch(mayStart);
    search.statements(parse(code, options).body, 0);
    return search.calls;
  } catch {
    // Not a program, or nested deeper than the parser's stack.
    return [];
  }
}

class ProgramSearch {
  readonly calls: ProgramCall[] = [];
  readonly #mayStart: (name: string) => boolean;
  readonly #constants = new Map<string, Json>();
  /** True once nothing that follows is certain, or a write has been made. */
  #isOver = false;

  constructor(mayStart: (name: string) => boolean) {
    this.#mayStart = mayStart;
  }

  statements(body: readonly (Statement | ModuleDeclaration)[], depth: number): void {
    for (const statement of body) {
      if (this.#isOver) return;
      this.#statement(statement, depth);
    }
  }

  #statement(node: Statement | ModuleDeclaration, depth: number): void {
    if (depth > MAX_DEPTH) return this.#end();
    switch (node.type) {
      case "ExpressionStatement":
        return this.#value(node.expression, depth);
      case "VariableDeclaration":
        for (const { id, init } of node.declarations) {
          if (init === null || init === undefined) continue;
          this.#value(init, depth);
          this.#declare(node.kind, id, init);
        }
        return undefined;
      case "BlockStatement":
        return this.statements(node.body, depth + 1);
      case "TryStatement":
        return this.statements(node.block.body, depth + 1);
      case "FunctionDeclaration":
      case "EmptyStatement":
        return undefined;
      case "ReturnStatement":
        if (node.argument) this.#value(node.argument, depth);
        return this.#end();
      case "BreakStatement":
      case "ClassDeclaration":
      case "ContinueStatement":
      case "DebuggerStatement":
      case "DoWhileStatement":
      case "ForInStatement":
      case "ForOfStatement":
      case "ForStatement":
      case "IfStatement":
      case "LabeledStatement":
      case "SwitchStatement":
      case "ThrowStatement":
      case "WhileStatement":
      case "WithStatement":
      case "ImportDeclaration":
      case "ExportAllDeclaration":
      case "ExportDefaultDeclaration":
      case "ExportNamedDeclaration":
        return this.#uncertain(node);
    }
  }

  /** A name declared again, in whatever scope, is no longer the constant it was. */
  #declare(kind: string, id: Pattern, init: Expression): void {
    if (id.type !== "Identifier") return;
    const literal = kind === "const" ? literalOf(init, this.#constants) : undefined;
    if (literal === undefined || this.#constants.has(id.name)) this.#constants.delete(id.name);
    else this.#constants.set(id.name, literal);
  }

  /** Finds the calls of an expression in the order they are made. */
  #value(node: Expression | SpreadElement, depth: number): void {
    if (this.#isOver) return undefined;
    if (depth > MAX_DEPTH) return this.#end();
    switch (node.type) {
      case "AwaitExpression":
      case "UnaryExpression":
      case "SpreadElement":
        return this.#value(node.argument, depth + 1);
      case "ArrayExpression":
        for (const item of node.elements) if (item !== null) this.#value(item, depth + 1);
        return undefined;
      case "ObjectExpression":
        for (const member of node.properties)
          this.#value(member.type === "Property" ? member.value : member, depth + 1);
        return undefined;
      case "BinaryExpression":
        if (node.left.type !== "PrivateIdentifier") this.#value(node.left, depth + 1);
        return this.#value(node.right, depth + 1);
      case "TemplateLiteral":
        for (const part of node.expressions) this.#value(part, depth + 1);
        return undefined;
      case "AssignmentExpression":
        return node.operator === "=" ? this.#value(node.right, depth + 1) : this.#uncertain(node);
      case "MemberExpression":
        return node.object.type === "Super" ? undefined : this.#value(node.object, depth + 1);
      case "CallExpression":
        return this.#call(node, depth);
      case "ArrowFunctionExpression":
      case "FunctionExpression":
      case "Identifier":
      case "Literal":
      case "ThisExpression":
        return undefined;
      case "ChainExpression":
      case "ClassExpression":
      case "ConditionalExpression":
      case "ImportExpression":
      case "LogicalExpression":
      case "MetaProperty":
      case "NewExpression":
      case "ParenthesizedExpression":
      case "SequenceExpression":
      case "TaggedTemplateExpression":
      case "UpdateExpression":
      case "YieldExpression":
        return this.#uncertain(node);
    }
  }

  #call(node: Expression & { type: "CallExpression" }, depth: number): void {
    const { callee } = node;
    if (callee.type === "Super" || node.optional) return this.#uncertain(node);
    for (const argument of node.arguments) this.#value(argument, depth + 1);
    if (this.#isOver) return undefined;
    const isFunction =
      callee.type === "ArrowFunctionExpression" || callee.type === "FunctionExpression";
    // Parameters would hide constants of their names.
    if (isFunction && callee.params.length > 0) return this.#uncertain(callee);
    // Calling a generator runs nothing of it.
    if (isFunction && callee.generator) return this.#uncertain(callee);
    if (isFunction) {
      if (callee.body.type === "BlockStatement") this.statements(callee.body.body, depth + 1);
      else this.#value(callee.body, depth + 1);
      return undefined;
    }
    const name = toolName(callee);
    if (name === null) return this.#value(callee, depth + 1);
    if (!this.#mayStart(name)) return this.#end();
    const [first, second] = node.arguments;
    const given = first === undefined ? {} : literalOf(first, this.#constants);
    if (second !== undefined || given === undefined || !isJsonObject(given)) return undefined;
    if (this.calls.length === MAX_PROGRAM_CALLS) return this.#end();
    this.calls.push({ name, arguments: given });
    return undefined;
  }

  /** A part that may run or not. What follows it is certain only if it can neither leave the program nor call a tool. */
  #uncertain(node: Node): void {
    if (mayLeaveOrCall(node)) this.#end();
  }

  #end(): void {
    this.#isOver = true;
  }
}

/** The tool's name in `tools.name(…)` and `tools["name"](…)`. */
function toolName(callee: Expression): string | null {
  if (callee.type !== "MemberExpression" || callee.object.type !== "Identifier") return null;
  if (callee.object.name !== "tools") return null;
  if (callee.property.type === "PrivateIdentifier") return null;
  if (callee.computed) return literalText(callee.property);
  return callee.property.type === "Identifier" ? callee.property.name : null;
}

/** Types of nodes after which the rest of the program may not run, and `tools`, whose calls may be writes. */
const LEAVING = new Set([
  "ReturnStatement",
  "ThrowStatement",
  "BreakStatement",
  "ContinueStatement",
  "YieldExpression",
]);

function mayLeaveOrCall(node: unknown): boolean {
  if (typeof node !== "object" || node === null) return false;
  if (Array.isArray(node)) return node.some(mayLeaveOrCall);
  const { type, name } = node as { readonly type?: unknown; readonly name?: unknown };
  if (typeof type === "string" && LEAVING.has(type)) return true;
  if (type === "Identifier" && name === "tools") return true;
  return Object.values(node).some(mayLeaveOrCall);
}
