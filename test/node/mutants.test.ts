/** The mutants are what they should be, and their judge tells tests that notice from tests that do not. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { type FileMutant, mutantsOf, mutated, nameOf } from "../../bench/mutants/generate.ts";
import { Judge } from "../../bench/mutants/judge.ts";
import { NearestTests } from "../../bench/mutants/nearest-tests.ts";
import { sample } from "../../bench/mutants/sample.ts";

const SOURCE = `import { later } from "./later.ts";

/** Says "no" below the age. */
export async function mayEnter(age: number, isKnown = false): Promise<string> {
  if (isKnown as boolean) return "yes";
  if (age < 18) {
    throw new Error("Too young.");
  }
  const word: string = await later(2);
  return word === "a message of words" ? "no" : word;
}
`;

const LATER = "export const later = async (n: number) => (n === 2 ? 'yes' : 'no');\n";

const CHECK = "import { expect, it } from 'vitest';\nimport { mayEnter } from './may-enter.ts';\n";

/** Notices the limit, the early return and the constant, which is what a test should. */
const STRONG = `${CHECK}
it.each([[18, false, "yes"], [1, true, "yes"]] as const)("lets %i in", async (age, known, word) => {
  expect(await mayEnter(age, known)).toBe(word);
});
it("refuses the young", async () => {
  await expect(mayEnter(17)).rejects.toThrow("young");
});
`;

/** Looks at nothing. */
const WEAK = `${CHECK}
it("is a function", () => {
  expect(typeof mayEnter).toBe("function");
});
`;

/** Still runs when something late fails. */
const SLOW = `${CHECK}
it("takes a while", async () => {
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(typeof mayEnter).toBe("function");
});
`;

const TIMEOUT_MS = 20_000;

const folder = mkdtempSync(join(tmpdir(), "mutants-"));
const file = join(folder, "may-enter.ts");
writeFileSync(file, SOURCE);
writeFileSync(join(folder, "later.ts"), LATER);
writeFileSync(join(folder, "strong.test.ts"), STRONG);
writeFileSync(join(folder, "weak.test.ts"), WEAK);
writeFileSync(join(folder, "slow.test.ts"), SLOW);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function changes(): readonly string[] {
  return mutantsOf(SOURCE).map(
    ({ kind, original, replacement, line }) => `${line} ${kind}: ${original} → ${replacement}`,
  );
}

const judge = new Judge();
afterAll(() => judge.close());

async function verdictOf(text: string, test: string, timeoutMs = TIMEOUT_MS): Promise<string> {
  const job = { mutated: { file, text }, tests: [join(folder, test)], maxRuns: null };
  return (await judge.judge(job, timeoutMs)).verdict;
}

async function verdicts(test: string): Promise<readonly string[]> {
  const said: string[] = [];
  for (const mutant of mutantsOf(SOURCE)) said.push(await verdictOf(mutated(SOURCE, mutant), test));
  return said;
}

describe("mutants", () => {
  it("change every comparison, constant, early return and await, and no message, import or type", () => {
    expect(changes()).toEqual([
      "4 constant: false → true",
      '5 early return: return "yes"; → ;',
      '5 constant: "yes" → "yes!"',
      "6 comparison: < → <=",
      "6 constant: 18 → 19",
      "9 await: await  → ",
      "9 constant: 2 → 3",
      "10 comparison: === → !==",
      '10 constant: "no" → "no!"',
    ]);
  });

  it("are sampled from every file and kind, the same from the same seed", () => {
    const all = ["a", "b"].flatMap((name) =>
      mutantsOf(SOURCE).map((mutant): FileMutant => ({ ...mutant, file: name })),
    );
    const some = sample(all, 8, 1);
    expect(new Set(some.map((mutant) => `${mutant.file} ${mutant.kind}`)).size).toBe(8);
    expect(sample(all, 8, 1)).toEqual(some);
    expect(sample(all, 100, 1)).toHaveLength(all.length);
    expect(new Set(all.map(nameOf)).size).toBe(all.length);
  });

  it(
    "are killed by tests that look and survive tests that do not",
    { timeout: 120_000 },
    async () => {
      const strong = await verdicts("strong.test.ts");
      // A promise that is returned is awaited anyway, and nobody says the words.
      expect(changes().filter((_change, at) => strong[at] === "survived")).toEqual([
        "9 await: await  → ",
        '10 constant: "no" → "no!"',
      ]);
      const weak = await verdicts("weak.test.ts");
      expect(weak.every((verdict) => verdict === "survived")).toBe(true);
    },
  );

  it("that hang are killed by time, and those that wait for nothing at once", async () => {
    const endless = SOURCE.replace("if (age < 18) {", "while (age < 19) {");
    const text = endless.replace('throw new Error("Too young.");', "");
    expect(await verdictOf(text, "strong.test.ts", 1_000)).toBe("timeout");
    const silent = SOURCE.replace("await later(2)", "await new Promise(() => {})");
    expect(await verdictOf(silent, "strong.test.ts")).toBe("killed");
  });

  it("leave nothing behind that would kill the next one", async () => {
    const late = "setTimeout(() => { throw new Error('late'); }, 20);\nglobalThis.left = true;\n";
    expect(await verdictOf(`${late}${SOURCE}`, "weak.test.ts")).toBe("survived");
    expect(await verdictOf(SOURCE, "slow.test.ts")).toBe("survived");
    expect(await verdictOf(SOURCE, "strong.test.ts")).toBe("survived");
  });

  it("are shown to the tests that import their file, the nearest first, none that need the platform", () => {
    const nearest = new NearestTests([
      "test/tenancy/admit.test.ts",
      "test/resilience/guard.test.ts",
      "test/algorithms/full-jitter.test.ts",
      "test/algorithms/crc32.test.ts",
    ]);
    expect(nearest.of("src/algorithms/full-jitter.ts", 9)).toEqual([
      "test/algorithms/full-jitter.test.ts",
      "test/resilience/guard.test.ts",
    ]);
    expect(nearest.of("src/algorithms/full-jitter.ts", 1)).toHaveLength(1);
  });
});
