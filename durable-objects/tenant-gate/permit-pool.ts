/**
 * PermitPool: permits on concurrency limits, in slots that are written once and used by many permits.
 *
 * A slot's row outlives the permit that made it by `SLACK_MS`; a permit given back leaves its slot free for the next one, so a
 * steady flow writes a row every half minute instead of two for each request. A free slot counts for nothing here, but looks
 * held to an object that lost its memory; so at most a twentieth of any limit may be free slots, none of a small one.
 */

/** A slot's row lasts this much longer than the permit it was written for. */
export const SLACK_MS = 30_000;

/** Of a limit, at most this part may be free slots. */
const FREE_PART = 20;

/** A concurrency limit to hold. */
export interface HeldLimit {
  readonly id: string;
  readonly max: number;
}

/** A slot as it is saved. */
export interface SavedSlot {
  readonly id: string;
  readonly limits: readonly string[];
  readonly expiresAtMs: number;
}

interface Slot extends SavedSlot {
  /** Limits in one text: slots of the same limits are interchangeable. */
  readonly kind: string;
  /** How many slots of each limit may be free, in the order of `limits`. */
  readonly spare: readonly number[];
  /** Counts the permits of this slot; null for one found on disk, whose permit may bear any number. */
  readonly use: number | null;
  /** End of the permit, or null when the slot is free. */
  readonly endsMs: number | null;
}

/** A permit, and the slot to write before it is told (null when the one on disk will do). */
export interface Hold {
  readonly permit: string;
  readonly write: SavedSlot | null;
}

export class PermitPool {
  readonly #slots = new Map<string, Slot>();
  readonly #held = new Map<string, number>();
  readonly #free = new Map<string, number>();
  /** Free slots by kind, the one given back last at the end. */
  readonly #freeByKind = new Map<string, string[]>();
  /** Nothing ends before this. */
  #nextEndMs = Infinity;

  /** Permits that hold the limit `id`. */
  held(id: string): number {
    return this.#held.get(id) ?? 0;
  }

  /** When each permit on the limit `id` ends by itself, epoch ms. */
  ends(id: string): readonly number[] {
    const ends: number[] = [];
    for (const { limits, endsMs } of this.#slots.values()) {
      if (endsMs !== null && limits.includes(id)) ends.push(endsMs);
    }
    return ends;
  }

  /** Takes over a saved slot: who holds it is not known, so it is held until it ends. */
  load(saved: SavedSlot): void {
    const { id, limits, expiresAtMs } = saved;
    const spare = limits.map(() => 0);
    this.#put({
      id,
      limits,
      expiresAtMs,
      kind: kindOf(limits),
      spare,
      use: null,
      endsMs: expiresAtMs,
    });
  }

  /** Holds all these limits until `endsMs`. They must have room; `newId` names a new slot. */
  hold(wanted: readonly HeldLimit[], endsMs: number, newId: () => string): Hold {
    const limits = wanted.map((limit) => limit.id);
    const kind = kindOf(limits);
    const spare = wanted.map((limit) => Math.floor(limit.max / FREE_PART));
    const free = this.#takeFree(kind);
    const use = (free?.use ?? 0) + 1;
    const isSaved = free !== undefined && free.expiresAtMs >= endsMs;
    const expiresAtMs = isSaved ? free.expiresAtMs : savedEnd(spare, endsMs);
    const slot = { id: free?.id ?? newId(), limits, kind, spare, expiresAtMs, use, endsMs };
    this.#put(slot);
    return { permit: `${slot.id}.${use}`, write: isSaved ? null : slot };
  }

  /** Gives a permit back; a second time changes nothing. Answers the id of a slot to delete, or null. */
  release(permit: string): string | null {
    const [id = "", use = ""] = permit.split(".");
    const slot = this.#slots.get(id);
    if (slot === undefined || slot.endsMs === null) return null;
    if (slot.use !== null && String(slot.use) !== use) return null;
    this.#remove(slot);
    const mayStay = slot.limits.every((limit, n) => this.#freeOf(limit) < (slot.spare[n] ?? 0));
    if (!mayStay) return id;
    this.#put({ ...slot, endsMs: null });
    this.#freeByKind.set(slot.kind, [...(this.#freeByKind.get(slot.kind) ?? []), id]);
    return null;
  }

  /** Drops what has ended: permits at their end, free slots with their row. Returns the ids of slots to delete. */
  expire(nowMs: number): readonly string[] {
    if (nowMs < this.#nextEndMs) return [];
    const ended: string[] = [];
    this.#nextEndMs = Infinity;
    for (const slot of this.#slots.values()) {
      const endMs = slot.endsMs ?? slot.expiresAtMs;
      if (endMs > nowMs) {
        this.#nextEndMs = Math.min(this.#nextEndMs, endMs);
      } else {
        this.#remove(slot);
        this.#dropFree(slot);
        ended.push(slot.id);
      }
    }
    return ended;
  }

  /** The slot of this kind that was given back last and is still there. */
  #takeFree(kind: string): Slot | undefined {
    const ids = this.#freeByKind.get(kind) ?? [];
    const id = ids.pop();
    if (ids.length === 0) this.#freeByKind.delete(kind);
    const slot = id === undefined ? undefined : this.#slots.get(id);
    if (slot !== undefined) this.#remove(slot);
    return slot;
  }

  #dropFree({ kind, id }: Slot): void {
    const left = (this.#freeByKind.get(kind) ?? []).filter((other) => other !== id);
    if (left.length === 0) this.#freeByKind.delete(kind);
    else this.#freeByKind.set(kind, left);
  }

  #freeOf(limit: string): number {
    return this.#free.get(limit) ?? 0;
  }

  #put(slot: Slot): void {
    this.#slots.set(slot.id, slot);
    this.#nextEndMs = Math.min(this.#nextEndMs, slot.endsMs ?? slot.expiresAtMs);
    this.#count(slot, 1);
  }

  #remove(slot: Slot): void {
    this.#slots.delete(slot.id);
    this.#count(slot, -1);
  }

  #count({ limits, endsMs }: Slot, change: 1 | -1): void {
    const counts = endsMs === null ? this.#free : this.#held;
    for (const limit of limits) {
      const left = (counts.get(limit) ?? 0) + change;
      if (left > 0) counts.set(limit, left);
      else counts.delete(limit);
    }
  }
}

function kindOf(limits: readonly string[]): string {
  return limits.join(" ");
}

/** A slot that may be used again is saved for longer; one that may not ends with its permit. */
function savedEnd(spare: readonly number[], endsMs: number): number {
  return spare.every((slots) => slots > 0) ? endsMs + SLACK_MS : endsMs;
}
