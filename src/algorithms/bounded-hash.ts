/**
 * Consistent hashing with bounded loads: the same key goes to the same target, as long as that one is not overloaded.
 *
 * Targets are ranked for a key by weighted rendezvous hashing, score = −weight / ln(hash), so a target that comes or goes
 * moves only its own keys. The first of the ranking with room is taken; there is room up to ⌈(1 + ε) × its share of all
 * calls in flight⌉, so somewhere there always is. Sources: V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent hashing
 * with bounded loads", SODA 2018; D. G. Thaler, C. V. Ravishankar, "Using name-based mappings to increase hit rates", 1998;
 * J. Resch, "New hashing algorithms for data storage", 2015 (weights).
 */

/** ε: how far above its share a target may be loaded. */
export const LOAD_EXCESS = 0.25;

/** A target to hash to. */
export interface HashTarget {
  readonly id: string;
  /** Above 0. */
  readonly weight: number;
  /** Its calls in flight. */
  readonly inFlight: number;
}

/** Index of the target for `key`; -1 when there are none. */
export function boundedHash(key: string, targets: readonly HashTarget[]): number {
  const weights = targets.reduce((sum, { weight }) => sum + weight, 0);
  const calls = targets.reduce((sum, { inFlight }) => sum + inFlight, 1);
  let best = -1;
  let bestScore = -Infinity;
  for (const [index, { id, weight, inFlight }] of targets.entries()) {
    const room = Math.ceil(((1 + LOAD_EXCESS) * calls * weight) / weights);
    const score = -weight / Math.log(unitHash(`${id}\n${key}`));
    if (inFlight >= room || score <= bestScore) continue;
    best = index;
    bestScore = score;
  }
  return best;
}

/** A number above 0 and below 1 that looks random and follows from the text alone: FNV-1a, mixed as MurmurHash3 ends. */
function unitHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1)
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 2 ** 32;
}
