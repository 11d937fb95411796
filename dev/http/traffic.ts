/**
 * Traffic: what a local server saw, counted the moment it happens, so tests and benches can prove how many requests
 * were in flight and when a client left. Lists are bounded; nothing here slows the server down noticeably.
 */

/** Abort records kept; older ones are dropped. */
const MAX_ABORTS = 5_000;
/** Distinct paths and keys counted; further ones are counted in the total only. */
const MAX_GROUPS = 2_000;

/** Counts of one path, one key, or everything. */
export interface TrafficCount {
  /** Requests in flight now. */
  readonly open: number;
  /** Most requests in flight at once. */
  readonly peak: number;
  readonly started: number;
  readonly completed: number;
  /** Requests whose client left before the answer was written. */
  readonly aborted: number;
  /** Epoch milliseconds of the last answer that was written; null before the first. */
  readonly completed_at: number | null;
}

/** A request whose client left, with the time in epoch milliseconds (fractions kept). */
export interface Abort {
  readonly at: number;
  readonly path: string;
  readonly key: string | null;
}

/** Everything counted since the start or the last reset. */
export interface TrafficStats extends TrafficCount {
  readonly paths: Readonly<Record<string, TrafficCount>>;
  readonly keys: Readonly<Record<string, TrafficCount>>;
  readonly aborts: readonly Abort[];
  /** Time integral of the requests in flight, in milliseconds: divided by slots and wall time it is utilisation. */
  readonly busy_ms: number;
  /** Epoch milliseconds of the first request and of the last change. */
  readonly first_at: number | null;
  readonly last_at: number | null;
}

type Group = { -readonly [K in keyof TrafficCount]: TrafficCount[K] };

function emptyGroup(): Group {
  return { open: 0, peak: 0, started: 0, completed: 0, aborted: 0, completed_at: null };
}

/** Now, in epoch milliseconds with fractions, from the monotonic clock. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Counts requests. `enter` opens one and returns how to close it. */
export class Traffic {
  #total = emptyGroup();
  #paths = new Map<string, Group>();
  #keys = new Map<string, Group>();
  #aborts: Abort[] = [];
  #busyMs = 0;
  #firstAt: number | null = null;
  #lastAt: number | null = null;

  /** Opens a request. The returned function closes it once, as answered or as abandoned by its client. */
  enter(path: string, key: string | null): (how: "completed" | "aborted") => void {
    this.#tick();
    const groups = [
      this.#total,
      group(this.#paths, path),
      key === null ? null : group(this.#keys, key),
    ].filter((one) => one !== null);
    for (const one of groups) {
      one.open += 1;
      one.started += 1;
      one.peak = Math.max(one.peak, one.open);
    }
    let closed = false;
    return (how) => {
      if (closed) return;
      closed = true;
      this.#tick();
      for (const one of groups) {
        one.open -= 1;
        one[how] += 1;
        if (how === "completed") one.completed_at = this.#lastAt;
      }
      if (how === "aborted") {
        this.#aborts.push({ at: epochMs(), path, key });
        if (this.#aborts.length > MAX_ABORTS) this.#aborts.shift();
      }
    };
  }

  /** A copy of all counts. */
  stats(): TrafficStats {
    this.#tick();
    return {
      ...this.#total,
      paths: Object.fromEntries([...this.#paths].map(([name, one]) => [name, { ...one }])),
      keys: Object.fromEntries([...this.#keys].map(([name, one]) => [name, { ...one }])),
      aborts: [...this.#aborts],
      busy_ms: this.#busyMs,
      first_at: this.#firstAt,
      last_at: this.#lastAt,
    };
  }

  /** Forgets everything but the requests in flight, which stay counted as open. */
  reset(): void {
    this.#total = restart(this.#total);
    // Groups in use are kept by reference, so an open request still finds its own when it closes.
    for (const groups of [this.#paths, this.#keys]) {
      for (const [name, one] of groups) {
        if (one.open === 0) groups.delete(name);
        else restart(one);
      }
    }
    this.#aborts = [];
    this.#busyMs = 0;
    this.#firstAt = this.#total.open > 0 ? epochMs() : null;
    this.#lastAt = this.#firstAt;
  }

  #tick(): void {
    const now = epochMs();
    if (this.#total.open > 0 && this.#lastAt !== null) {
      this.#busyMs += this.#total.open * (now - this.#lastAt);
    }
    this.#firstAt ??= now;
    this.#lastAt = now;
  }
}

function group(groups: Map<string, Group>, name: string): Group | null {
  const found = groups.get(name);
  if (found !== undefined) return found;
  if (groups.size >= MAX_GROUPS) return null;
  const made = emptyGroup();
  groups.set(name, made);
  return made;
}

function restart(one: Group): Group {
  one.peak = one.open;
  one.started = one.open;
  one.completed = 0;
  one.aborted = 0;
  one.completed_at = null;
  return one;
}
