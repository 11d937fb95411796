/**
 * As much of Vitest's `expect` as the tests of the pure rooms use. Vitest itself takes seconds to start, and a mutant is
 * over in less.
 */

import { AssertionError } from "node:assert";
import { inspect, isDeepStrictEqual } from "node:util";

/** Says itself whether a value is what was expected. */
class Asymmetric {
  readonly matches: (value: unknown) => boolean;

  constructor(matches: (value: unknown) => boolean) {
    this.matches = matches;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !(value instanceof Asymmetric);
}

/** True when `actual` is what `wanted` says; `isPartial`: it may have more members. */
function equals(actual: unknown, wanted: unknown, isPartial: boolean): boolean {
  if (wanted instanceof Asymmetric) return wanted.matches(actual);
  if (Array.isArray(wanted))
    return (
      Array.isArray(actual) &&
      actual.length === wanted.length &&
      wanted.every((each, at) => equals(actual[at], each, isPartial))
    );
  if (wanted instanceof Map || wanted instanceof Set)
    return (
      (actual instanceof Map || actual instanceof Set) && equals([...actual], [...wanted], false)
    );
  if (!isObject(wanted) || !isObject(actual) || Array.isArray(actual))
    return isDeepStrictEqual(actual, wanted);
  const names = new Set([...Object.keys(wanted), ...(isPartial ? [] : Object.keys(actual))]);
  return [...names].every((name) => equals(actual[name], wanted[name], isPartial));
}

function contains(actual: unknown, wanted: unknown): boolean {
  if (typeof actual === "string") return actual.includes(String(wanted));
  return Array.isArray(actual) && actual.includes(wanted);
}

function lengthOf(actual: unknown): unknown {
  return typeof actual === "string" || Array.isArray(actual) ? actual.length : undefined;
}

function thrownBy(actual: unknown): unknown {
  if (typeof actual !== "function") return actual;
  try {
    Reflect.apply(actual, undefined, []);
  } catch (error) {
    return error;
  }
  return undefined;
}

function isThrown(actual: unknown, wanted: unknown): boolean {
  const thrown = thrownBy(actual);
  if (thrown === undefined) return false;
  const message = thrown instanceof Error ? thrown.message : inspect(thrown);
  if (wanted === undefined) return true;
  if (wanted instanceof RegExp) return wanted.test(message);
  return typeof wanted === "string" && message.includes(wanted);
}

type Matcher = (actual: unknown, wanted: unknown, detail?: unknown) => boolean;

const MATCHERS: Readonly<Record<string, Matcher>> = {
  toBe: (actual, wanted) => Object.is(actual, wanted),
  toEqual: (actual, wanted) => equals(actual, wanted, false),
  toStrictEqual: (actual, wanted) => equals(actual, wanted, false),
  toMatchObject: (actual, wanted) => equals(actual, wanted, true),
  toMatch: (actual, wanted) =>
    wanted instanceof RegExp ? wanted.test(String(actual)) : contains(actual, wanted),
  toContain: contains,
  toContainEqual: (actual, wanted) =>
    Array.isArray(actual) && actual.some((item) => equals(item, wanted, false)),
  toHaveLength: (actual, wanted) => lengthOf(actual) === wanted,
  toHaveProperty: (actual, wanted) => isObject(actual) && String(wanted) in actual,
  toBeNull: (actual) => actual === null,
  toBeUndefined: (actual) => actual === undefined,
  toBeDefined: (actual) => actual !== undefined,
  toBeTruthy: Boolean,
  toBeFalsy: (actual) => !actual,
  toBeNaN: (actual) => Number.isNaN(actual),
  toBeInstanceOf: (actual, wanted) => typeof wanted === "function" && actual instanceof wanted,
  toBeGreaterThan: (actual, wanted) => Number(actual) > Number(wanted),
  toBeGreaterThanOrEqual: (actual, wanted) => Number(actual) >= Number(wanted),
  toBeLessThan: (actual, wanted) => Number(actual) < Number(wanted),
  toBeLessThanOrEqual: (actual, wanted) => Number(actual) <= Number(wanted),
  toBeCloseTo: (actual, wanted, digits = 2) =>
    Math.abs(Number(actual) - Number(wanted)) < 10 ** -Number(digits) / 2,
  toThrow: isThrown,
};

function assertionsOf(actual: unknown, isNot: boolean): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(MATCHERS).map(([name, matches]) => [
      name,
      (wanted?: unknown, detail?: unknown) => {
        if (matches(actual, wanted, detail) !== isNot) return;
        const message = `${name}${isNot ? " not" : ""}: ${inspect(actual)} and ${inspect(wanted)}`;
        throw new AssertionError({ message });
      },
    ]),
  );
}

/** The same assertions on what a promise comes to. */
function later(settled: Promise<unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(MATCHERS).map(([name, matches]) => [
      name,
      async (wanted?: unknown) => {
        const actual = await settled;
        if (!matches(actual, wanted))
          throw new AssertionError({ message: `${name}: ${inspect(actual)}` });
      },
    ]),
  );
}

/** What a promise rejects with; one that does not is a failure. */
async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  const settled = await promise.then(
    () => null,
    (error: unknown) => ({ error }),
  );
  if (settled === null) throw new AssertionError({ message: "The promise did not reject." });
  return settled.error;
}

function expectation(actual: unknown): Record<string, unknown> {
  const promise = Promise.resolve(actual);
  promise.catch(() => undefined);
  return {
    ...assertionsOf(actual, false),
    not: assertionsOf(actual, true),
    get resolves() {
      return later(promise);
    },
    get rejects() {
      return later(reasonOf(promise));
    },
  };
}

/** What `typeof` says of what these make. */
const PRIMITIVES = new Map<unknown, string>([
  [String, "string"],
  [Number, "number"],
  [Boolean, "boolean"],
]);

/** See above. */
export const expect = Object.assign(expectation, {
  any: (kind: unknown) =>
    new Asymmetric((value) => {
      const primitive = PRIMITIVES.get(kind);
      if (primitive !== undefined) return typeof value === primitive;
      return typeof kind === "function" && value instanceof kind;
    }),
  closeTo: (wanted: number, digits = 2) =>
    new Asymmetric((value) => Math.abs(Number(value) - wanted) < 10 ** -digits / 2),
  anything: () => new Asymmetric((value) => value !== null && value !== undefined),
  arrayContaining: (wanted: readonly unknown[]) =>
    new Asymmetric(
      (value) =>
        Array.isArray(value) &&
        wanted.every((each) => value.some((item) => equals(item, each, false))),
    ),
  objectContaining: (wanted: object) => new Asymmetric((value) => equals(value, wanted, true)),
  stringContaining: (wanted: string) =>
    new Asymmetric((value) => typeof value === "string" && value.includes(wanted)),
  stringMatching: (wanted: RegExp) =>
    new Asymmetric((value) => typeof value === "string" && wanted.test(value)),
});
