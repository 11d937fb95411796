/**
 * Chooses mutants when there are more than can be run: of every file and every kind, by a seed and each mutant's own name, so
 * that a change elsewhere does not choose others.
 */

import { createHash } from "node:crypto";

import { type FileMutant, nameOf } from "./generate.ts";

/** At most `most` of `mutants`, spread over files and kinds; the same from the same seed. */
export function sample(
  mutants: readonly FileMutant[],
  most: number,
  seed: number,
): readonly FileMutant[] {
  const groups = new Map<string, { readonly mutant: FileMutant; readonly at: string }[]>();
  for (const mutant of mutants) {
    const name = `${mutant.file} ${mutant.kind}`;
    const at = createHash("sha256")
      .update(`${seed} ${nameOf(mutant)}`)
      .digest("hex");
    groups.set(name, [...(groups.get(name) ?? []), { mutant, at }]);
  }
  const lists = [...groups.values()].map((group) =>
    group.toSorted((a, b) => (a.at < b.at ? -1 : 1)),
  );
  const rounds = Math.max(0, ...lists.map(({ length }) => length));
  const chosen = Array.from({ length: rounds }, (_, round) =>
    lists.flatMap((list) => (list[round] === undefined ? [] : [list[round].mutant])),
  ).flat();
  return chosen.slice(0, most);
}
