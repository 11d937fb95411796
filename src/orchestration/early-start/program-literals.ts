/** Values that stand in a program as they are: literals, lists and objects of them, and names of constants. */

import type { Expression, SpreadElement } from "acorn";

import type { Json, JsonObject } from "../../platform/canonical-json.ts";

/** Nesting of literals that is followed. */
const MAX_DEPTH = 32;

/**
 * The JSON value a literal expression stands for, or undefined when it is none. A name stands for its value in `constants`;
 * deeper than `MAX_DEPTH` nothing is read.
 */
export function literalOf(
  node: Expression | SpreadElement,
  constants: ReadonlyMap<string, Json>,
  depth = 0,
): Json | undefined {
  if (depth > MAX_DEPTH) return undefined;
  switch (node.type) {
    case "Literal":
      return isPlain(node.value) ? node.value : undefined;
    case "TemplateLiteral":
      return node.expressions.length === 0
        ? (node.quasis[0]?.value.cooked ?? undefined)
        : undefined;
    case "UnaryExpression": {
      const value =
        node.operator === "-" ? literalOf(node.argument, constants, depth + 1) : undefined;
      return typeof value === "number" ? -value : undefined;
    }
    case "Identifier":
      return constants.get(node.name);
    case "ArrayExpression": {
      const items = node.elements.map((item) =>
        item === null ? undefined : literalOf(item, constants, depth + 1),
      );
      return items.every((item) => item !== undefined) ? items : undefined;
    }
    case "ObjectExpression":
      return literalObject(node, constants, depth);
    case "ArrowFunctionExpression":
    case "AssignmentExpression":
    case "AwaitExpression":
    case "BinaryExpression":
    case "CallExpression":
    case "ChainExpression":
    case "ClassExpression":
    case "ConditionalExpression":
    case "FunctionExpression":
    case "ImportExpression":
    case "LogicalExpression":
    case "MemberExpression":
    case "MetaProperty":
    case "NewExpression":
    case "ParenthesizedExpression":
    case "SequenceExpression":
    case "SpreadElement":
    case "TaggedTemplateExpression":
    case "ThisExpression":
    case "UpdateExpression":
    case "YieldExpression":
      return undefined;
  }
}

function literalObject(
  node: Expression & { type: "ObjectExpression" },
  constants: ReadonlyMap<string, Json>,
  depth: number,
): JsonObject | undefined {
  const members: [string, Json][] = [];
  for (const member of node.properties) {
    if (member.type !== "Property" || member.computed || member.kind !== "init") return undefined;
    const name = member.key.type === "Identifier" ? member.key.name : literalText(member.key);
    const value = literalOf(member.value, constants, depth + 1);
    if (name === null || value === undefined) return undefined;
    members.push([name, value]);
  }
  return Object.fromEntries(members);
}

/** The text of a literal member name, or null. */
export function literalText(node: Expression): string | null {
  return node.type === "Literal" &&
    (typeof node.value === "string" || typeof node.value === "number")
    ? String(node.value)
    : null;
}

function isPlain(value: unknown): value is string | number | boolean | null {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}
