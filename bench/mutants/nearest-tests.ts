/** Which tests know a source: those that import it, directly or through others, the nearest first. */

import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** What a file imports when it runs; what only types come from is gone by then. */
const IMPORT = /^(?:import|export)\s(?!type\s)[^;]*?from\s+"([^"]+)"/gm;

/** Only the platform has these. */
const PLATFORM = /^cloudflare:/;

/** Files by how many imports they are away from a test. */
type Reach = ReadonlyMap<string, number>;

/** Tests of plain Node among some, by what they reach. */
export class NearestTests {
  readonly #imports = new Map<string, readonly string[]>();
  readonly #reaches: ReadonlyMap<string, Reach>;

  /** `tests` are relative to the repository, as all paths here. Those that need the platform are left out. */
  constructor(tests: readonly string[]) {
    const reaches = tests.map((test) => [test, this.#reach(test)] as const);
    this.#reaches = new Map(reaches.flatMap(([test, reach]) => (reach ? [[test, reach]] : [])));
  }

  /** Tests of `file`: its own, then by distance; at most `most`. */
  of(file: string, most: number): readonly string[] {
    const own = `${basename(file, ".ts")}.test.ts`;
    const rank = (test: string, distance: number): number =>
      basename(test) === own ? 0 : distance;
    return [...this.#reaches]
      .flatMap(([test, reach]) => {
        const distance = reach.get(file);
        return distance === undefined ? [] : [{ test, at: rank(test, distance) }];
      })
      .toSorted((a, b) => a.at - b.at || (a.test < b.test ? -1 : 1))
      .slice(0, most)
      .map(({ test }) => test);
  }

  /** Null: it needs the platform. */
  #reach(test: string): Reach | null {
    const reach = new Map([[test, 0]]);
    for (const [file, distance] of reach) {
      for (const imported of this.#importsOf(file)) {
        if (PLATFORM.test(imported)) return null;
        if (!reach.has(imported)) reach.set(imported, distance + 1);
      }
    }
    return reach;
  }

  #importsOf(file: string): readonly string[] {
    const known = this.#imports.get(file);
    if (known !== undefined) return known;
    const found = [...readFileSync(file, "utf8").matchAll(IMPORT)].flatMap(([, from = ""]) => {
      if (PLATFORM.test(from)) return [from];
      return from.startsWith(".") && from.endsWith(".ts") ? [join(dirname(file), from)] : [];
    });
    this.#imports.set(file, found);
    return found;
  }
}
