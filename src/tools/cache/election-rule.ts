/**
 * Whether it is worth an object call to find out if somebody else is asking for the same result.
 *
 * It is while the tool is slower than the object, and while elections of that tool have met anybody lately; after
 * `LONELY` in a row that met nobody only every `LONELY`th is held, to learn when that changes. And it always is when this
 * very isolate is asking for the same result already. A tool nobody knows yet is worth it. The memory is the isolate's.
 */

import { BoundedMap } from "../../platform/bounded-map.ts";

/** Elections in a row that met nobody, after which they become rare. */
export const LONELY = 32;

/** Weight of a new measurement in the means. */
const WEIGHT = 0.2;

/** What an election is taken to cost before one was measured, ms. */
const FIRST_ELECTION_MS = 5;

/** Tools, and results being asked for, that are remembered. */
const MAX_TOOLS = 2_000;
const MAX_ASKING = 10_000;

/** How long a tool is remembered after its last call, ms. */
const TOOL_MS = 3_600_000;

interface ToolRecord {
  /** Mean time of a call that was sent, ms; null before the first. */
  readonly callMs: number | null;
  /** Elections since one met somebody. */
  readonly lonely: number;
}

const UNKNOWN: ToolRecord = { callMs: null, lonely: 0 };

/** What one isolate has learned about elections. `tool` names a tool of a tenant. */
export class ElectionRule {
  readonly #tools = new BoundedMap<string, ToolRecord>(MAX_TOOLS);
  readonly #asking = new BoundedMap<string, true>(MAX_ASKING);
  #electionMs = FIRST_ELECTION_MS;

  /** Whether to hold an election for this result. */
  elects(tool: string, key: string, nowMs: number): boolean {
    if (this.#asking.get(key, nowMs) === true) return true;
    const record = this.#tools.get(tool, nowMs) ?? UNKNOWN;
    if (record.callMs !== null && record.callMs < this.#electionMs) return false;
    if (record.lonely < LONELY) return true;
    const isDue = record.lonely % LONELY === 0;
    if (!isDue) this.#tools.set(tool, { ...record, lonely: record.lonely + 1 }, nowMs + TOOL_MS);
    return isDue;
  }

  /** Somebody of this isolate asks the tool for this result, for at most `forMs`. */
  begin(key: string, nowMs: number, forMs: number): void {
    this.#asking.set(key, true, nowMs + forMs);
  }

  /** Nobody asks any more, as far as that one knows. */
  end(key: string): void {
    this.#asking.delete(key);
  }

  /** A call was sent and took so long. */
  noteCall(tool: string, tookMs: number, nowMs: number): void {
    const record = this.#tools.get(tool, nowMs) ?? UNKNOWN;
    const callMs = record.callMs === null ? tookMs : mean(record.callMs, tookMs);
    this.#tools.set(tool, { ...record, callMs }, nowMs + TOOL_MS);
  }

  /** An election took so long; null when nobody waits for its answer. */
  noteElection(tookMs: number): void {
    this.#electionMs = mean(this.#electionMs, tookMs);
  }

  /** An election met somebody, or nobody. */
  noteCompany(tool: string, wasMet: boolean, nowMs: number): void {
    const record = this.#tools.get(tool, nowMs) ?? UNKNOWN;
    const lonely = wasMet ? 0 : record.lonely + 1;
    this.#tools.set(tool, { ...record, lonely }, nowMs + TOOL_MS);
  }
}

function mean(known: number, measured: number): number {
  return known + WEIGHT * (measured - known);
}
