/** The calculator: arithmetic by the usual rules, and mistakes named with their place. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { MAX_EXPRESSION_LENGTH, calculate } from "../../../src/tools/builtin/calculator.ts";

describe("calculate", () => {
  it.each([
    ["1+2*3", 7],
    ["(1+2)*3", 9],
    ["2^3^2", 512],
    ["-2^2", -4],
    ["(-2)^2", 4],
    ["2^-1", 0.5],
    ["- -3", 3],
    ["+4 - +1", 3],
    ["10 % 4", 2],
    ["7/2", 3.5],
    ["0.1+0.2", 0.3],
    [".5 + 1e3", 1000.5],
    ["1.5E-1", 0.15],
    ["sqrt(16) + abs(-2)", 6],
    ["max(1, 2, 3) - min(4, 5)", -1],
    ["round(2.345, 2)", 2.35],
    ["round(1.005, 2)", 1.01],
    ["round(-2.5)", -3],
    ["round(1234, -2)", 1200],
    ["PI", Math.PI],
    ["ln(e)", 1],
    ["log10(1000) + log2(8)", 6],
    ["sin(0) + cos(0) + tan(0)", 1],
    ["asin(0) + acos(1) + atan(0)", 0],
    ["floor(2.7) + ceil(2.1)", 5],
    ["cbrt(27) + exp(0)", 4],
    [" 1 \n+\t1 ", 2],
  ])("%s is %d", (expression, value) => {
    const result = calculate(expression);
    expect(result).toMatchObject({ ok: true });
    expect(result.ok && result.value).toBeCloseTo(value, 12);
  });

  it.each([
    ["", "A number is missing at position 1."],
    ["1+", "A number is missing at position 3."],
    ["1 2", "Unexpected character at position 3."],
    ["2*(3", "A closing parenthesis is missing at position 5."],
    ["2)", "Unexpected character at position 2."],
    ["1/0", "Division by zero at position 4."],
    ["1%0", "Division by zero at position 4."],
    ["foo(1)", 'Unknown name "foo" at position 1.'],
    ["constructor", 'Unknown name "constructor" at position 1.'],
    ["sqrt 4", '"sqrt" needs parentheses at position 6.'],
    ["sqrt(1,2)", '"sqrt" does not take 2 values at position 9.'],
    ["sqrt(-1)", "The result is not a finite number."],
    ["9^9^9^9", "The result is not a finite number."],
    ["1;alert(1)", "Unexpected character at position 2."],
    ["[1]", "Unexpected character at position 1."],
    [`${"(".repeat(65)}1${")".repeat(65)}`, "The expression nests too deep at position 65."],
  ])("%s is refused: %s", (expression, error) => {
    expect(calculate(expression)).toEqual({ ok: false, error });
  });

  it("takes the longest and the deepest expression", () => {
    expect(calculate(`${"1+".repeat(MAX_EXPRESSION_LENGTH / 2 - 1)}11`)).toMatchObject({
      ok: true,
    });
    expect(calculate(`${"(".repeat(63)}1${")".repeat(63)}`)).toEqual({ ok: true, value: 1 });
    expect(calculate("1".repeat(MAX_EXPRESSION_LENGTH + 1))).toMatchObject({ ok: false });
  });

  it("agrees with JavaScript on random sums and products", () => {
    const { sum } = fc.letrec<{ sum: string; factor: string }>((tie) => ({
      factor: fc.oneof(
        { depthSize: "small" },
        fc.nat(99).map(String),
        fc.tuple(tie("sum")).map(([inner]) => `(${inner})`),
      ),
      sum: fc
        .array(fc.tuple(fc.constantFrom("+", "-", "*"), tie("factor")), {
          minLength: 1,
          maxLength: 5,
        })
        .map((terms) => `1${terms.map(([sign, factor]) => sign + factor).join("")}`),
    }));
    fc.assert(
      fc.property(sum, (expression) => {
        const result = calculate(expression);
        fc.pre(result.ok && Number.isSafeInteger(result.value));
        expect(result.ok && result.value).toBe(reference(expression));
      }),
      { seed: 11, numRuns: 300 },
    );
  });

  it("never throws, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom(..."0123456789.+-*/%^(), esqrtmaxpi".split("")),
          maxLength: 60,
        }),
        (text) => {
          const result = calculate(text);
          expect(result.ok ? Number.isFinite(result.value) : result.error.length > 0).toBe(true);
        },
      ),
      { seed: 5, numRuns: 2000 },
    );
  });
});

/** Evaluates sums, products and parentheses by rewriting, as slow and simple as can be. */
function reference(expression: string): number {
  let text = expression;
  for (let inner = /\(([^()]*)\)/.exec(text); inner !== null; inner = /\(([^()]*)\)/.exec(text)) {
    text = text.replace(inner[0], `#${reference(inner[1] ?? "")}#`).replaceAll("#", "");
  }
  const terms = text
    .replaceAll("--", "+")
    .replaceAll("+-", "-")
    .replaceAll("*-", "*~")
    .replaceAll(/([\d.~e])-/g, "$1+-")
    .split("+");
  return terms.reduce(
    (total, term) =>
      total +
      term.split("*").reduce((product, factor) => product * Number(factor.replaceAll("~", "-")), 1),
    0,
  );
}
