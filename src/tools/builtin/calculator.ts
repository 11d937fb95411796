/**
 * The calculator: evaluates an arithmetic expression by recursive descent. No `eval`, so nothing but arithmetic can
 * happen; length and nesting are bounded, so nothing can take long. Every mistake is named with its place, so a model
 * can repair it.
 *
 * Grammar, loosest first: `+ -`, then `* / %`, then unary `- +`, then `^` (right to left, binds tighter than a minus
 * before it: `-2^2` is -4), then numbers, `pi`, `e`, parentheses and functions.
 */

import { type Result, fail, ok } from "../../platform/result.ts";

/** Longest expression. */
export const MAX_EXPRESSION_LENGTH = 1000;

/** Parentheses, functions and signs inside each other. */
export const MAX_EXPRESSION_DEPTH = 64;

/** Significant digits of a result that is no exact integer: the last two of a double are the noise that makes 0.1 + 0.2 look wrong. */
const RESULT_DIGITS = 15;

type Operation = (...values: number[]) => number;

/** Functions with the least and most arguments they take. */
const FUNCTIONS: ReadonlyMap<string, readonly [least: number, most: number, Operation]> = new Map([
  ["abs", [1, 1, Math.abs]],
  ["sqrt", [1, 1, Math.sqrt]],
  ["cbrt", [1, 1, Math.cbrt]],
  ["exp", [1, 1, Math.exp]],
  ["ln", [1, 1, Math.log]],
  ["log10", [1, 1, Math.log10]],
  ["log2", [1, 1, Math.log2]],
  ["sin", [1, 1, Math.sin]],
  ["cos", [1, 1, Math.cos]],
  ["tan", [1, 1, Math.tan]],
  ["asin", [1, 1, Math.asin]],
  ["acos", [1, 1, Math.acos]],
  ["atan", [1, 1, Math.atan]],
  ["floor", [1, 1, Math.floor]],
  ["ceil", [1, 1, Math.ceil]],
  ["round", [1, 2, roundTo]],
  ["min", [1, 64, Math.min]],
  ["max", [1, 64, Math.max]],
] satisfies [string, readonly [number, number, Operation]][]);

const CONSTANTS: ReadonlyMap<string, number> = new Map([
  ["pi", Math.PI],
  ["e", Math.E],
]);

/** The value of an expression, or what is wrong with it and where. */
export function calculate(expression: string): Result<number, string> {
  if (expression.length > MAX_EXPRESSION_LENGTH) {
    return fail(`The expression is longer than ${MAX_EXPRESSION_LENGTH} characters.`);
  }
  const reader: Reader = { text: expression, at: 0, depth: 0, problem: null };
  const value = readSum(reader);
  skipSpace(reader);
  if (reader.problem === null && reader.at < expression.length)
    complain(reader, "Unexpected character");
  if (reader.problem !== null) return fail(reader.problem);
  if (!Number.isFinite(value)) return fail("The result is not a finite number.");
  return ok(Number.isSafeInteger(value) ? value : Number(value.toPrecision(RESULT_DIGITS)));
}

interface Reader {
  readonly text: string;
  at: number;
  depth: number;
  /** The first thing that went wrong; once set, every reader returns at once. */
  problem: string | null;
}

function complain(reader: Reader, problem: string): number {
  reader.problem ??= `${problem} at position ${reader.at + 1}.`;
  reader.at = reader.text.length;
  return Number.NaN;
}

function skipSpace(reader: Reader): void {
  while (/\s/.test(reader.text.charAt(reader.at))) reader.at += 1;
}

/** Takes the next character if it is one of `wanted`, else the empty string. */
function take(reader: Reader, wanted: string): string {
  skipSpace(reader);
  const character = reader.text.charAt(reader.at);
  if (character === "" || !wanted.includes(character)) return "";
  reader.at += 1;
  return character;
}

function readSum(reader: Reader): number {
  let value = readProduct(reader);
  for (let sign = take(reader, "+-"); sign !== ""; sign = take(reader, "+-")) {
    const other = readProduct(reader);
    value = sign === "+" ? value + other : value - other;
  }
  return value;
}

function readProduct(reader: Reader): number {
  let value = readSigned(reader);
  for (let sign = take(reader, "*/%"); sign !== ""; sign = take(reader, "*/%")) {
    const other = readSigned(reader);
    if (sign === "*") value *= other;
    else if (other === 0) return complain(reader, "Division by zero");
    else value = sign === "/" ? value / other : value % other;
  }
  return value;
}

function readSigned(reader: Reader): number {
  return nested(reader, () => {
    const sign = take(reader, "+-");
    if (sign === "") return readPower(reader);
    const value = readSigned(reader);
    return sign === "-" ? -value : value;
  });
}

function readPower(reader: Reader): number {
  const base = readAtom(reader);
  return take(reader, "^") === "" ? base : base ** readSigned(reader);
}

function readAtom(reader: Reader): number {
  if (take(reader, "(") !== "") return closeParenthesis(reader, readSum(reader));
  const rest = reader.text.slice(reader.at);
  const number = /^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/.exec(rest)?.[0];
  if (number !== undefined) {
    reader.at += number.length;
    return Number(number);
  }
  const name = /^[A-Za-z][A-Za-z0-9]*/.exec(rest)?.[0];
  if (name !== undefined) return readNamed(reader, name);
  return complain(reader, rest === "" ? "A number is missing" : "Unexpected character");
}

function readNamed(reader: Reader, name: string): number {
  const constant = CONSTANTS.get(name.toLowerCase());
  const operation = FUNCTIONS.get(name.toLowerCase());
  if (constant === undefined && operation === undefined)
    return complain(reader, `Unknown name "${name}"`);
  reader.at += name.length;
  if (operation === undefined) return constant ?? Number.NaN;
  if (take(reader, "(") === "") return complain(reader, `"${name}" needs parentheses`);
  const values = [readSum(reader)];
  while (take(reader, ",") !== "") values.push(readSum(reader));
  const [least, most, apply] = operation;
  if (values.length < least || values.length > most)
    return complain(reader, `"${name}" does not take ${values.length} values`);
  return closeParenthesis(reader, apply(...values));
}

function closeParenthesis(reader: Reader, value: number): number {
  return take(reader, ")") === "" ? complain(reader, "A closing parenthesis is missing") : value;
}

function nested(reader: Reader, read: () => number): number {
  if (reader.depth >= MAX_EXPRESSION_DEPTH)
    return complain(reader, "The expression nests too deep");
  reader.depth += 1;
  const value = read();
  reader.depth -= 1;
  return value;
}

function roundTo(value = Number.NaN, digits = 0): number {
  const factor = 10 ** Math.trunc(digits);
  // Half away from zero; the scaled value is cleaned of the double's noise, so 1.005 rounds to 1.01.
  const scaled = Number((Math.abs(value) * factor).toPrecision(RESULT_DIGITS));
  return (Math.sign(value) * Math.round(scaled)) / factor;
}
