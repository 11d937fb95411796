/** Chooses mutants when there are more than can be run: of every file and every kind, by a seed. */

import { seededRandom } from "../statistics.ts";
import type { FileMutant } from "./generate.ts";

/** At most `most` of `mutants`, spread over files and kinds; the same from the same seed. */
export function sample(
  mutants: readonly FileMutant[],
  most: number,
  seed: number,
): readonly FileMutant[] {
  const random = seededRandom(seed);
  const groups = new Map<string, { readonly mutant: FileMutant; readonly at: number }[]>();
  for (const mutant of mutants) {
    const name = `${mutant.file} ${mutant.kind}`;
    groups.set(name, [...(groups.get(name) ?? []), { mutant, at: random() }]);
  }
  const lists = [...groups.values()].map((group) => group.toSorted((a, b) => a.at - b.at));
  const rounds = Math.max(0, ...lists.map(({ length }) => length));
  const chosen = Array.from({ length: rounds }, (_, round) =>
    lists.flatMap((list) => (list[round] === undefined ? [] : [list[round].mutant])),
  ).flat();
  return chosen.slice(0, most);
}
