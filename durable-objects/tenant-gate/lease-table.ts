/**
 * LeaseTable: what is lent to whom.
 *
 * Tokens leave the bucket when they are lent, so what is forgotten of a token lease costs nothing but fairness: after its memory was
 * lost the gate lends nothing until every lease it may have given is over (`learnUntilMs`). Permits are counted as held until
 * the last run that may have started with one must have ended, so those are rows, written with some slack: a steady
 * borrower writes one every half minute.
 */

import { leaseSize } from "../../src/algorithms/lease-size.ts";
import { SHARE_PART } from "../../src/algorithms/permit-bundle.ts";
import { bucketOf, lifeOf } from "../../src/algorithms/rate-promise.ts";
import { msUntil, take, type Bucket, type BucketLimit } from "../../src/algorithms/token-bucket.ts";
import type {
  LeaseWishes,
  LentLimits,
  PermitLent,
  PermitWish,
  RateLent,
  RateWish,
} from "../../src/contract/exchange.ts";

/** Isolates that may borrow of one limit; others are decided one by one. */
export const MAX_BORROWERS = 256;

/** Concurrency limits below this are decided one by one. */
export const LEAST_LENT_PERMITS = 20;

/** A saved bundle of permits is larger than the real one by this part. */
const SLACK_PART = 0.5;
/** A saved bundle of permits lasts this much longer than the real one. */
export const SLACK_MS = 30_000;

interface Borrower {
  /** Tokens it may still spend, at most. */
  readonly outstanding: number;
  /** What it wants of one lease, at the length all have. */
  readonly demand: number;
  readonly ttlMs: number;
  readonly endsMs: number;
}

interface Bundle {
  readonly lent: number;
  readonly endsMs: number;
  readonly saved: { readonly lent: number; readonly endsMs: number };
}

/** A bundle's row; none lent: the row goes. */
export interface SavedBundle {
  readonly isolate: string;
  readonly limit: string;
  readonly lent: number;
  readonly endsMs: number;
}

/** A bucket as it is after a debit. */
export interface BucketDebit {
  readonly id: string;
  readonly bucket: Bucket;
}

/** What is lent from. */
export interface LeaseSource {
  /** The bucket now. */
  current(id: string, limit: BucketLimit, nowMs: number): Bucket;
  /** Permits of a limit that are held one by one. */
  held(id: string): number;
}

/** What was lent, and what must be on disk before that is told. */
export interface Lending {
  readonly answer: LentLimits;
  readonly buckets: readonly BucketDebit[];
  readonly bundles: readonly SavedBundle[];
}

export class LeaseTable {
  readonly #borrowers = new Map<string, Map<string, Borrower>>();
  readonly #bundles = new Map<string, Map<string, Bundle>>();
  #learnUntilMs = 0;
  #endsMs = 0;
  /** No bundle ends before this. */
  #nextEndMs = Infinity;

  /** When the last token lease ends, epoch ms. */
  get endsMs(): number {
    return this.#endsMs;
  }

  /** Lends nothing until then: leases of before may still be spent. */
  learnUntil(endsMs: number): void {
    this.#learnUntilMs = endsMs;
  }

  /** Takes over a saved bundle of permits. */
  load({ isolate, limit, lent, endsMs }: SavedBundle): void {
    const saved = { lent, endsMs };
    inner(this.#bundles, limit).set(isolate, { ...saved, saved });
    this.#nextEndMs = Math.min(this.#nextEndMs, endsMs);
  }

  /** Permits of a limit lent out in bundles. */
  lent(limit: string): number {
    let lent = 0;
    for (const bundle of this.#bundles.get(limit)?.values() ?? []) lent += bundle.lent;
    return lent;
  }

  /** Tokens of a limit that isolates may still spend, at most. */
  outstanding(id: string, nowMs: number): number {
    let outstanding = 0;
    for (const borrower of this.#live(id, nowMs).values()) outstanding += borrower.outstanding;
    return outstanding;
  }

  /** When each lent permit of the limit ends if its borrower never asks again, epoch ms. */
  ends(limit: string): readonly number[] {
    return [...(this.#bundles.get(limit)?.values() ?? [])].flatMap(({ lent, endsMs }) =>
      Array.from({ length: lent }, () => endsMs),
    );
  }

  /**
   * The most the bucket may hold now: what is lent and it together are at most the burst and what comes in the life of one
   * lease. So no window of length W sees more than burst + rate × (W + that life).
   */
  most(id: string, limit: BucketLimit, nowMs: number): number {
    const outstanding = this.outstanding(id, nowMs);
    let ttlMs = 0;
    for (const borrower of this.#live(id, nowMs).values()) ttlMs = Math.max(ttlMs, borrower.ttlMs);
    const gain = Math.floor((limit.limit * ttlMs) / limit.windowMs);
    return Math.min(limit.burst, Math.max(0, limit.burst + gain - outstanding));
  }

  /** Lends what an isolate asks for, as far as there is. */
  lend(source: LeaseSource, isolate: string, wishes: LeaseWishes, nowMs: number): Lending {
    const buckets: BucketDebit[] = [];
    const rates = wishes.rates.map((wish) => {
      const { lent, debit } = this.#lendRate(source, isolate, wish, wishes.ttlMs, nowMs);
      if (debit !== null) buckets.push(debit);
      return lent;
    });
    const bundles: SavedBundle[] = [];
    const permits = wishes.permits.map((wish) => {
      // As long as an isolate that cannot reach the gate may start runs, and these may last.
      const endsMs = nowMs + wishes.ttlMs + Math.ceil((1 + SHARE_PART) * wishes.permitTtlMs);
      const { lent, row } = this.#lendPermits(source, isolate, wish, endsMs);
      if (row !== null) bundles.push(row);
      return lent;
    });
    return { answer: { rates, permits }, buckets, bundles };
  }

  /** Forgets bundles that have ended; answers their rows. */
  expire(nowMs: number): readonly SavedBundle[] {
    if (nowMs < this.#nextEndMs) return [];
    const ended: SavedBundle[] = [];
    this.#nextEndMs = Infinity;
    for (const [limit, bundles] of this.#bundles) {
      for (const [isolate, { endsMs }] of bundles) {
        if (endsMs > nowMs) {
          this.#nextEndMs = Math.min(this.#nextEndMs, endsMs);
          continue;
        }
        bundles.delete(isolate);
        ended.push({ isolate, limit, lent: 0, endsMs });
      }
      if (bundles.size === 0) this.#bundles.delete(limit);
    }
    return ended;
  }

  #lendRate(
    source: LeaseSource,
    isolate: string,
    wish: RateWish,
    wishedMs: number,
    nowMs: number,
  ): { readonly lent: RateLent; readonly debit: BucketDebit | null } {
    const { id, cost, wants, owed } = wish;
    const limit = bucketOf(wish.limit);
    const ttlMs = lifeOf(wish.limit, wishedMs);
    const known = this.#live(id, nowMs).get(isolate);
    const left = Math.min(wish.left, known?.outstanding ?? 0);
    // What it has spent is no longer outstanding, so the bucket may hold that much again.
    this.#note(id, isolate, {
      outstanding: left,
      demand: left + wants,
      ttlMs,
      endsMs: nowMs + ttlMs,
    });
    const before = source.current(id, limit, nowMs);
    // A debt is at most one window's quota, or a limit that only counts would never come out of it.
    const bucket = take(before, Math.min(owed, Math.max(0, before.tokens + limit.limit)));
    const others = [...this.#live(id, nowMs)].filter(([other]) => other !== isolate);
    const size =
      nowMs >= this.#learnUntilMs && others.length < MAX_BORROWERS
        ? leaseSize(
            { tokens: bucket.tokens, perMs: limit.limit / limit.windowMs, burst: limit.burst },
            { left, wants, cost },
            others.map(([, borrower]) => borrower.demand),
            ttlMs,
          )
        : ({ kind: "exact" } as const);
    const { tokens, waitMs } = size.kind === "lent" ? size : { tokens: 0, waitMs: 0 };
    const after = take(bucket, tokens);
    this.#note(id, isolate, {
      outstanding: left + tokens,
      demand: left + wants,
      ttlMs,
      endsMs: nowMs + ttlMs,
    });
    return {
      lent: {
        id,
        tokens,
        ttlMs,
        waitMs,
        isExact: size.kind === "exact",
        remaining: after.tokens,
        resetMs: msUntil(after, limit, limit.burst),
      },
      debit: tokens > 0 || owed !== 0 ? { id, bucket: after } : null,
    };
  }

  #lendPermits(
    source: LeaseSource,
    isolate: string,
    { id, max, keep, wants }: PermitWish,
    endsMs: number,
  ): { readonly lent: PermitLent; readonly row: SavedBundle | null } {
    const bundles = inner(this.#bundles, id);
    const known = bundles.get(isolate);
    const kept = Math.min(keep, known?.lent ?? 0);
    const taken = source.held(id) + this.lent(id) - (known?.lent ?? 0) + kept;
    const isExact =
      max < LEAST_LENT_PERMITS || (known === undefined && bundles.size >= MAX_BORROWERS);
    // Half of what is free at most: the nearer the limit, the smaller the bundles, until each run is decided by itself.
    const more = isExact ? 0 : Math.min(wants - kept, Math.floor((max - taken) / 2));
    const lent = kept + Math.max(0, more);
    if (lent === 0) {
      bundles.delete(isolate);
      const row = known === undefined ? null : { isolate, limit: id, lent, endsMs };
      return { lent: { id, lent, isExact }, row };
    }
    const isSaved = known !== undefined && known.saved.lent >= lent && known.saved.endsMs >= endsMs;
    const saved = isSaved
      ? known.saved
      : { lent: Math.ceil(lent * (1 + SLACK_PART)), endsMs: endsMs + SLACK_MS };
    bundles.set(isolate, { lent, endsMs, saved });
    this.#nextEndMs = Math.min(this.#nextEndMs, endsMs);
    return { lent: { id, lent, isExact }, row: isSaved ? null : { isolate, limit: id, ...saved } };
  }

  #note(id: string, isolate: string, borrower: Borrower): void {
    const borrowers = inner(this.#borrowers, id);
    if (!borrowers.has(isolate) && borrowers.size >= MAX_BORROWERS) return;
    borrowers.set(isolate, borrower);
    if (borrower.outstanding > 0) this.#endsMs = Math.max(this.#endsMs, borrower.endsMs);
  }

  /** Who borrows of a limit now. */
  #live(id: string, nowMs: number): ReadonlyMap<string, Borrower> {
    const borrowers = this.#borrowers.get(id);
    if (borrowers === undefined) return NOBODY;
    for (const [isolate, { endsMs }] of borrowers) if (endsMs <= nowMs) borrowers.delete(isolate);
    if (borrowers.size === 0) this.#borrowers.delete(id);
    return borrowers;
  }
}

const NOBODY: ReadonlyMap<string, Borrower> = new Map();

function inner<V>(outer: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const known = outer.get(key);
  if (known !== undefined) return known;
  const made = new Map<string, V>();
  outer.set(key, made);
  return made;
}
