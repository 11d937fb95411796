/**
 * Failure domains learned from failures: targets that fail together share something, whatever their names say.
 *
 * What counts is the onset of an outage: the first of two failures in a row (one alone may be chance, and all failures of one
 * outage are one event). For each onset of A, every B either had an onset within `NEAR_MS` of it (joint) or answered well
 * after it (apart); a B that was not used says nothing. A and B are linked when both ways at least `SHARE` of the cases are
 * joint and so many would come about by chance, from B's own rate of onsets, with a probability (exact binomial tail) below
 * `CHANCE` shared out among all pairs (Bonferroni). Domains are the connected parts. Counts are halved as they grow, so what
 * no longer fails together comes apart.
 */

/** Onsets so far apart may be one event. */
export const NEAR_MS = 5_000;

const MIN_JOINT = 3;
const SHARE = 0.6;
const CHANCE = 1e-3;
/** Of a target that turns bad so often, company by chance is too likely to mean anything. */
const MAX_BY_CHANCE = 0.25;

/** Cases of a pair after which its counts are halved. */
const MEMORY = 64;

/** Targets compared; the later ones of more are left out. */
export const MAX_TARGETS = 32;

/** Onsets that wait to be compared; more at once are left out. */
const MAX_PENDING = 64;

interface Onset {
  readonly id: string;
  readonly atMs: number;
  isConfirmed: boolean;
  /** Targets that answered well soon after it. */
  readonly fine: Set<string>;
}

interface Seen {
  readonly sinceMs: number;
  failuresInRow: number;
  onsets: number;
  /** The last onsets, as far back as others may still be compared with them. */
  recentMs: readonly number[];
  /** By target: onsets of this one in which the other could be compared, and those that it shared. */
  readonly cases: Map<string, { all: number; joint: number }>;
}

/** Outcomes of a few targets, and the domains that follow from them. */
export class FailureDomains {
  readonly #seen = new Map<string, Seen>();
  #pending: Onset[] = [];
  #domains: ReadonlyMap<string, string> = new Map();

  /** Counts one outcome at `nowMs`. */
  observe(id: string, hasFailed: boolean, nowMs: number): void {
    let seen = this.#seen.get(id);
    if (seen === undefined) {
      if (this.#seen.size >= MAX_TARGETS) return;
      seen = { sinceMs: nowMs, failuresInRow: 0, onsets: 0, recentMs: [], cases: new Map() };
      this.#seen.set(id, seen);
    }
    if (this.#pending.length > 0) this.#settle(nowMs);
    if (hasFailed) this.#fail(id, seen, nowMs);
    else this.#succeed(id, seen, nowMs);
  }

  /** The name of each target's learned domain: that of its first member. Targets that fail alone are not in it. */
  get domains(): ReadonlyMap<string, string> {
    return this.#domains;
  }

  #fail(id: string, seen: Seen, nowMs: number): void {
    seen.failuresInRow += 1;
    if (seen.failuresInRow === 1 && this.#pending.length < MAX_PENDING)
      this.#pending.push({ id, atMs: nowMs, isConfirmed: false, fine: new Set() });
    if (seen.failuresInRow !== 2) return;
    const onset = this.#pending.find((each) => each.id === id && !each.isConfirmed);
    if (onset === undefined) return;
    onset.isConfirmed = true;
    seen.onsets += 1;
    seen.recentMs = [...seen.recentMs, onset.atMs].filter((atMs) => atMs > nowMs - 4 * NEAR_MS);
  }

  #succeed(id: string, seen: Seen, nowMs: number): void {
    if (seen.failuresInRow === 1)
      this.#pending = this.#pending.filter((each) => each.id !== id || each.isConfirmed);
    seen.failuresInRow = 0;
    for (const { atMs, fine } of this.#pending) if (nowMs <= atMs + NEAR_MS) fine.add(id);
  }

  /** Compares the onsets that lie far enough back for all others near them to be known. */
  #settle(nowMs: number): void {
    const due = this.#pending.filter(({ atMs }) => atMs + 2 * NEAR_MS < nowMs);
    if (due.length === 0) return;
    this.#pending = this.#pending.filter((onset) => !due.includes(onset));
    const confirmed = due.filter(({ isConfirmed }) => isConfirmed);
    for (const { id, atMs, fine } of confirmed) {
      for (const [other, { recentMs }] of this.#seen) {
        const isJoint = recentMs.some((otherMs) => Math.abs(otherMs - atMs) <= NEAR_MS);
        if (other !== id && (isJoint || fine.has(other))) this.#count(id, other, isJoint);
      }
    }
    if (confirmed.length > 0) this.#domains = this.#connect(nowMs);
  }

  #count(from: string, to: string, isJoint: boolean): void {
    const cases = this.#seen.get(from)?.cases;
    const pair = cases?.get(to) ?? { all: 0, joint: 0 };
    cases?.set(to, pair);
    pair.all += 1;
    pair.joint += isJoint ? 1 : 0;
    if (pair.all <= MEMORY) return;
    pair.all /= 2;
    pair.joint /= 2;
  }

  #connect(nowMs: number): ReadonlyMap<string, string> {
    const ids = [...this.#seen.keys()];
    const domainOf = new Map(ids.map((id) => [id, id]));
    for (const [index, a] of ids.entries()) {
      for (const b of ids.slice(index + 1)) {
        const [from, to] = [domainOf.get(a), domainOf.get(b)];
        if (from === to || from === undefined) continue;
        if (!this.#follows(a, b, nowMs) || !this.#follows(b, a, nowMs)) continue;
        for (const id of ids) if (domainOf.get(id) === to) domainOf.set(id, from);
      }
    }
    const sizes = new Map<string, number>();
    for (const domain of domainOf.values()) sizes.set(domain, (sizes.get(domain) ?? 0) + 1);
    return new Map([...domainOf].filter(([, domain]) => (sizes.get(domain) ?? 0) > 1));
  }

  /** True when onsets of `from` come with onsets of `to` more often than chance explains. */
  #follows(from: string, to: string, nowMs: number): boolean {
    const { all, joint } = this.#seen.get(from)?.cases.get(to) ?? { all: 0, joint: 0 };
    const other = this.#seen.get(to);
    if (other === undefined || joint < MIN_JOINT || joint < SHARE * all) return false;
    const livedMs = Math.max(NEAR_MS, nowMs - other.sinceMs);
    const byChance = 1 - Math.exp((-2 * NEAR_MS * other.onsets) / livedMs);
    if (byChance > MAX_BY_CHANCE) return false;
    const pairs = (this.#seen.size * (this.#seen.size - 1)) / 2;
    return binomialTail(Math.floor(joint), Math.ceil(all), byChance) < CHANCE / pairs;
  }
}

/** P(X ≥ k) of a binomial X(n, p), 0 < p < 1: its terms in logarithms, so that none vanishes or overflows on the way. */
function binomialTail(k: number, n: number, p: number): number {
  let log = n * Math.log1p(-p);
  let tail = k <= 0 ? Math.exp(log) : 0;
  for (let x = 1; x <= n; x += 1) {
    log += Math.log(((n - x + 1) / x) * (p / (1 - p)));
    if (x >= k) tail += Math.exp(log);
  }
  return tail;
}
