/** Stands in for the package `vitest` where mutants are tested: collects the tests of a file, so that they can be run. */

export { expect } from "./expect.ts";

type Work = (...values: readonly unknown[]) => unknown;

interface Test {
  readonly name: string;
  readonly work: () => unknown;
}

const tests: Test[] = [];
const before: (() => unknown)[] = [];

/** Takes the tests that were collected. */
export function takeTests(): readonly Test[] {
  return tests.splice(0);
}

/** Takes what is to be done before them. */
export function takeBefore(): readonly (() => unknown)[] {
  return before.splice(0);
}

function add(name: string, ...rest: readonly unknown[]): void {
  const work = rest.find((one) => typeof one === "function");
  if (typeof work === "function")
    tests.push({ name, work: () => Reflect.apply(work, undefined, []) });
}

function each(table: readonly unknown[]) {
  return (name: string, ...rest: readonly unknown[]): void => {
    const work = rest.find((one): one is Work => typeof one === "function");
    for (const row of table) {
      const values: readonly unknown[] = Array.isArray(row) ? row : [row];
      if (work !== undefined) tests.push({ name, work: () => work(...values) });
    }
  };
}

/** A test. */
export const it = Object.assign(add, { each, skip: () => undefined });

/** The same under its other name. */
export const test = it;

/** A group of tests. */
export const describe = Object.assign((_name: string, work: () => void): void => work(), {
  skip: () => undefined,
});

/** Before the tests of a file. */
export function beforeAll(work: () => unknown): void {
  before.push(work);
}
