/**
 * Tool names as model providers accept them (`^[a-zA-Z0-9_-]{1,64}$`), mapped both ways.
 *
 * A name that is fine already stays itself. In others `.` and `:` become `_`; where that would make two tools one, a
 * short hash of the tenant's name is added. The mapping is injective and depends on nothing but the set of names, so
 * the same tools have the same wire names in every turn and on every isolate.
 */

const MAX_WIRE_LENGTH = 64;

/** Names in both directions. */
export interface WireNames {
  readonly toWire: ReadonlyMap<string, string>;
  readonly fromWire: ReadonlyMap<string, string>;
}

/** Maps a set of tool names; each is 1 to 64 characters of `[A-Za-z0-9_.:-]`. */
export function wireNames(names: Iterable<string>): WireNames {
  const sorted = [...new Set(names)].toSorted();
  const shared = countPlain(sorted);
  // No hashed name may become what another tool's plain name is, whichever of them comes first.
  const taken = new Set(sorted.map(plain));
  const toWire = new Map<string, string>();
  for (const name of sorted) {
    const wire =
      isAccepted(name) || shared.get(plain(name)) === 1 ? plain(name) : unusedName(name, taken);
    taken.add(wire);
    toWire.set(name, wire);
  }
  return { toWire, fromWire: new Map([...toWire].map(([name, wire]) => [wire, name])) };
}

function isAccepted(name: string): boolean {
  return /^[a-zA-Z0-9_-]{1,64}$/.test(name);
}

function plain(name: string): string {
  return name.replaceAll(/[.:]/g, "_");
}

/** How many of the names become the same when written plainly. */
function countPlain(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(plain(name), (counts.get(plain(name)) ?? 0) + 1);
  return counts;
}

/** The plain name with a hash; counts on in the rare case that even that is taken. */
function unusedName(name: string, taken: ReadonlySet<string>): string {
  for (let round = 0; ; round += 1) {
    const suffix = `_${hash(`${round}:${name}`)}`;
    const wire = plain(name).slice(0, MAX_WIRE_LENGTH - suffix.length) + suffix;
    if (!taken.has(wire)) return wire;
  }
}

/** 32-bit FNV-1a in base 36. Source: draft-eastlake-fnv §2. Only keeps names apart, protects nothing. */
function hash(text: string): string {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  }
  return (state >>> 0).toString(36).padStart(7, "0");
}
