/**
 * BreakerTable: the breakers of a tenant's upstreams, as all its isolates must see them.
 *
 * Each is the machine of `algorithms/breaker.ts`, fed with what isolates have counted and asked for its probes. Only a
 * transition is saved: counts since then are lost with the memory, and so are leased probes, whose stage begins anew. A
 * target nobody has failed at is not here.
 */

import { Breaker, type SavedBreaker } from "../../src/algorithms/breaker.ts";
import { failurePattern } from "../../src/algorithms/failure-pattern.ts";
import {
  type BreakerAnswer,
  type BreakerForce,
  type BreakerReport,
  type BreakerWord,
  MAX_BREAKER_WORDS,
  type SharedBreaker,
  type TargetWord,
} from "../../src/contract/breaker.ts";

/** Breakers of one tenant; beyond it one that is closed is forgotten. */
export const MAX_BREAKERS = 512;

/** Failures of each target whose time is remembered. */
const MAX_REMEMBERED = 16;

/** What is remembered of a target's failures. */
export interface FailureRecord {
  readonly firstSeenMs: number;
  /** When it failed, the newest last. */
  readonly failuresMs: readonly number[];
  readonly openings: number;
  /** Since when it fails, null while it does not. */
  readonly downSinceMs: number | null;
  /** All the time it has failed before. */
  readonly downMs: number;
  readonly bad: number;
  readonly timedOut: number;
  readonly limited: number;
}

/** A breaker as it is saved. */
export interface BreakerRow {
  readonly target: string;
  readonly state: SavedBreaker;
  readonly record: FailureRecord;
}

interface Entry {
  readonly breaker: Breaker;
  record: FailureRecord;
  /** As it is on disk. */
  saved: SavedBreaker | null;
}

/** See above. */
export class BreakerTable {
  readonly #random: () => number;
  readonly #entries = new Map<string, Entry>();

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Takes over a saved breaker. */
  load({ target, state, record }: BreakerRow): void {
    const breaker = new Breaker(this.#random, state);
    this.#entries.set(target, { breaker, record, saved: state });
  }

  /** Takes what an isolate has counted and answers how all breakers stand. `rows` must be on disk before the answer leaves. */
  take(word: BreakerWord, nowMs: number): { answer: BreakerAnswer; rows: readonly BreakerRow[] } {
    for (const one of word.targets.slice(0, MAX_BREAKER_WORDS)) this.#count(one, nowMs);
    const { probe: wish } = word;
    const probe =
      wish === undefined
        ? null
        : (this.#entries.get(wish.target)?.breaker.lease(wish.ttlMs, nowMs) ?? null);
    return { answer: { shared: this.#shared(nowMs), probe }, rows: this.#changed(nowMs) };
  }

  /** Holds a breaker open or closed, or lets it go. */
  force(target: string, force: BreakerForce["force"], nowMs: number): readonly BreakerRow[] {
    this.#entry(target, nowMs).breaker.force(force === "auto" ? null : force);
    return this.#changed(nowMs);
  }

  /** Every breaker there is. */
  list(nowMs: number): readonly BreakerReport[] {
    const reports: BreakerReport[] = [];
    for (const [name, entry] of this.#entries) reports.push(this.#report(name, entry, nowMs));
    return reports;
  }

  #count(word: TargetWord, nowMs: number): void {
    const { credential } = word;
    const isRefused = credential?.isRefused === true;
    const isNews = word.bad > 0 || word.holdMs > 0 || word.answers.length > 0 || isRefused;
    // Nothing to remember of a target that has never failed.
    if (!isNews && !this.#entries.has(word.target)) return;
    const entry = this.#entry(word.target, nowMs);
    const { breaker, record } = entry;
    const isFresh = nowMs - (record.failuresMs.at(-1) ?? nowMs) < FORGET_COUNTS_MS;
    entry.record = {
      ...record,
      bad: (isFresh ? record.bad : 0) + word.bad,
      timedOut: (isFresh ? record.timedOut : 0) + word.timedOut,
      limited: (isFresh ? record.limited : 0) + word.limited,
    };
    breaker.count(word.good, word.bad, word.baseline, nowMs);
    for (const { probe, end } of word.answers) breaker.answer(probe, end, nowMs);
    if (word.holdMs > 0) breaker.hold(nowMs + word.holdMs, nowMs);
    if (isRefused) breaker.park(credential.id, nowMs);
    else if (credential !== undefined) breaker.unpark(credential.id, nowMs);
  }

  #entry(target: string, nowMs: number): Entry {
    const known = this.#entries.get(target);
    if (known !== undefined) return known;
    if (this.#entries.size >= MAX_BREAKERS) this.#forgetOne(nowMs);
    const record: FailureRecord = { ...NO_FAILURES, firstSeenMs: nowMs };
    const entry: Entry = { breaker: new Breaker(this.#random), record, saved: null };
    this.#entries.set(target, entry);
    return entry;
  }

  /** The oldest closed one; its row stays until it is written again. */
  #forgetOne(nowMs: number): void {
    for (const [target, { breaker }] of this.#entries) {
      const { phase, forced } = breaker.state(nowMs);
      if (phase !== "closed" || forced !== null) continue;
      this.#entries.delete(target);
      return;
    }
  }

  #shared(nowMs: number): readonly SharedBreaker[] {
    const shared: SharedBreaker[] = [];
    for (const [target, { breaker }] of this.#entries) {
      const { untilMs, ...state } = breaker.state(nowMs);
      if (state.phase === "closed" && state.forced === null) continue;
      const openForMs = state.phase === "open" ? Math.max(0, untilMs - nowMs) : 0;
      shared.push({ target, ...state, openForMs });
    }
    return shared;
  }

  /** Notes transitions since the last time; what must be written. */
  #changed(nowMs: number): readonly BreakerRow[] {
    const rows: BreakerRow[] = [];
    for (const [target, entry] of this.#entries) {
      const state = entry.breaker.state(nowMs);
      if (state.epoch === (entry.saved?.epoch ?? 0)) continue;
      entry.record = noted(entry.record, state, nowMs);
      entry.saved = state;
      rows.push({ target, state, record: entry.record });
    }
    return rows;
  }

  #report(name: string, entry: Entry, nowMs: number): BreakerReport {
    const { phase, forced, untilMs, cause } = entry.breaker.state(nowMs);
    const { record } = entry;
    const downMs = record.downMs + (record.downSinceMs === null ? 0 : nowMs - record.downSinceMs);
    const ended = record.openings - (record.downSinceMs === null ? 0 : 1);
    const upMs = Math.max(0, nowMs - record.firstSeenMs - downMs);
    const othersMs = [...this.#entries].flatMap(([other, { record: its }]) =>
      other === name ? [] : its.failuresMs.slice(-1),
    );
    return {
      name,
      state: forced === null ? phase : `forced_${forced}`,
      cause: phase === "closed" ? null : cause,
      retry_after_ms: phase === "open" && forced === null ? Math.max(0, untilMs - nowMs) : null,
      openings: record.openings,
      mtbf_s: record.openings === 0 ? null : seconds(upMs / record.openings),
      mttr_s: ended === 0 ? null : seconds(record.downMs / ended),
      pattern: failurePattern({ ...record, othersMs }),
    };
  }
}

/** Counts older than the last failure by this say nothing of the next one. */
const FORGET_COUNTS_MS = 900_000;

const NO_FAILURES: FailureRecord = {
  firstSeenMs: 0,
  failuresMs: [],
  openings: 0,
  downSinceMs: null,
  downMs: 0,
  bad: 0,
  timedOut: 0,
  limited: 0,
};

/** The record after a transition: an incident lasts from the first opening to the close. */
function noted(record: FailureRecord, state: SavedBreaker, nowMs: number): FailureRecord {
  const isDown = state.phase !== "closed" && state.cause === "failures" && state.forced === null;
  if (isDown && record.downSinceMs === null) {
    const failuresMs = [...record.failuresMs, nowMs].slice(-MAX_REMEMBERED);
    return { ...record, failuresMs, openings: record.openings + 1, downSinceMs: nowMs };
  }
  if (isDown || record.downSinceMs === null) return record;
  return { ...record, downSinceMs: null, downMs: record.downMs + nowMs - record.downSinceMs };
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
