/**
 * Arithmetic for the sample calculator: a recursive-descent parser over + - * / % ^, parentheses, `sqrt abs round floor
 * ceil min max` and `pi e`. It never evaluates code. A bad expression is a value, with the place.
 */

import { fail, ok, type Result } from "../../src/platform/result.ts";

/** Longest expression read. */
const MAX_LENGTH = 500;
/** Deepest nesting of parentheses. */
const MAX_DEPTH = 64;

const FUNCTIONS: Readonly<Record<string, (...values: number[]) => number>> = {
  sqrt: Math.sqrt,
  abs: Math.abs,
  round: Math.round,
  floor: Math.floor,
  ceil: Math.ceil,
  min: Math.min,
  max: Math.max,
};
const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, e: Math.E };

class SyntaxProblem extends Error {}

/** The value of an arithmetic expression, or why it has none. */
export function calculate(expression: string): Result<number, string> {
  if (expression.length > MAX_LENGTH) return fail(`longer than ${MAX_LENGTH} characters`);
  try {
    const value = new Parser(expression).all();
    return Number.isFinite(value) ? ok(value) : fail("the result is not a finite number");
  } catch (error) {
    if (error instanceof SyntaxProblem) return fail(error.message);
    throw error;
  }
}

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#tokens = text.match(/\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+|[a-z]+|\S/gi) ?? [];
  }

  all(): number {
    const value = this.#sum();
    if (this.#peek() !== undefined) this.#refuse();
    return value;
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  #take(...wanted: readonly string[]): string | null {
    const token = this.#peek();
    if (token === undefined || !wanted.includes(token)) return null;
    this.#at += 1;
    return token;
  }

  #refuse(): never {
    throw new SyntaxProblem(`unexpected ${this.#peek() ?? "end"} at token ${this.#at + 1}`);
  }

  #sum(): number {
    let value = this.#product();
    for (let sign = this.#take("+", "-"); sign !== null; sign = this.#take("+", "-")) {
      const right = this.#product();
      value = sign === "+" ? value + right : value - right;
    }
    return value;
  }

  #product(): number {
    let value = this.#signed();
    for (let sign = this.#take("*", "/", "%"); sign !== null; sign = this.#take("*", "/", "%")) {
      const right = this.#signed();
      value = sign === "*" ? value * right : sign === "/" ? value / right : value % right;
    }
    return value;
  }

  /** Minus binds weaker than power: -2^2 is -4. */
  #signed(): number {
    let negative = false;
    for (let sign = this.#take("-", "+"); sign !== null; sign = this.#take("-", "+")) {
      negative = sign === "-" ? !negative : negative;
    }
    const value = this.#power();
    return negative ? -value : value;
  }

  #power(): number {
    const base = this.#atom();
    return this.#take("^") === null ? base : base ** this.#signed();
  }

  #atom(): number {
    const token = this.#peek();
    if (token === undefined) this.#refuse();
    if (this.#take("(") !== null) return this.#closed()[0] ?? this.#refuse();
    const named = CONSTANTS[token];
    const call = FUNCTIONS[token];
    if (named !== undefined || /^[\d.]/.test(token)) {
      this.#at += 1;
      return named ?? Number(token);
    }
    if (call === undefined) this.#refuse();
    this.#at += 1;
    if (this.#take("(") === null) this.#refuse();
    return call(...this.#closed());
  }

  /** Values up to the closing parenthesis, separated by commas. */
  #closed(): number[] {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new SyntaxProblem("nested too deeply");
    const values = [this.#sum()];
    while (this.#take(",") !== null) values.push(this.#sum());
    if (this.#take(")") === null) this.#refuse();
    this.#depth -= 1;
    return values;
  }
}
