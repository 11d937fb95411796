/**
 * Cuts JSON down to a number of bytes and keeps what a reader needs to know what was there: the names of members, the
 * first and last items of lists, the places and counts of what is left out, whatever speaks of an error, and both ends
 * of long texts.
 *
 * The room of a container is shared among its children by water-filling, so small values stay whole and the big ones
 * give. The same value and the same room always give the same bytes, which are valid JSON and never more than the room.
 * It looks at each byte a small constant number of times and builds nothing but the answer.
 */

import { waterFill } from "../../algorithms/water-filling.ts";
import { type Child, type Children, JsonScan, type Span } from "./json-scan.ts";

/** Least room a cut can be made for: a string that says nothing but that something is left out. */
export const MIN_CUT_BYTES = 5;

/** Children looked at from each end of a container. */
const MAX_CHILDREN = 4096;

/** Children of one container shown because they speak of an error. */
const MAX_ERRORS = 3;

/** Containers inside each other that are looked into. */
const MAX_DEPTH = 64;

/** Room in which any value can say how much of it is left out. */
const TELLING_BYTES = 48;

/** An item of a list is not shown in less than this, however many there are. */
const MOST_ITEM_BYTES = 512;
const ITEM_SHARE = 6;

/** More than any note on left-out children takes, with its comma. */
const GAP_BYTES = 64;

/** More than any note on left-out characters takes, with the quotes. */
const CHARACTERS_NOTE_BYTES = 40;

const BACKSLASH = 0x5c;
const QUOTE = 0x22;
const LAST_SPACE = 0x20;

/** `bytes` is valid JSON; the answer is JSON of at most `maxBytes` bytes (at least `MIN_CUT_BYTES`). */
export function createCut(bytes: Uint8Array): (maxBytes: number) => string {
  const scan = new JsonScan(bytes);
  const root = scan.root();
  return (maxBytes) => new Cut(scan, maxBytes).of(root);
}

/** Children to show, in order, and how many of those between them are left out. */
interface Choice {
  readonly shown: readonly Child[];
  /** Room that is left for the children's values. */
  readonly room: number;
  readonly leastBytes: number;
}

class Cut {
  readonly #scan: JsonScan;
  readonly #bytes: Uint8Array;
  readonly #out: Uint8Array;
  #length = 0;

  constructor(scan: JsonScan, maxBytes: number) {
    this.#scan = scan;
    this.#bytes = scan.bytes;
    this.#out = new Uint8Array(maxBytes);
  }

  of(root: Span): string {
    this.#value(root, this.#out.length, 0);
    return decoder.decode(this.#out.subarray(0, this.#length));
  }

  /** Writes the value in at most `room` bytes; `room` is at least `MIN_CUT_BYTES` or the value's size. */
  #value(span: Span, room: number, depth: number): void {
    if (span.size <= room) return this.#copy(span);
    const kind = this.#scan.kindOf(span);
    if (kind === "string") return this.#string(span, room);
    if (kind === "scalar" || depth === MAX_DEPTH) return this.#write(NOTHING);
    const isObject = kind === "object";
    const children = this.#scan.children(span, childrenWithin(room));
    const choice = isObject ? chooseMembers(children, room) : chooseItems(children, room);
    if (choice === null) this.#stub(children.count, isObject, room);
    else this.#children(children.count, choice, isObject, depth);
  }

  #children(count: number, choice: Choice, isObject: boolean, depth: number): void {
    const rooms = shareRoom(choice);
    let spare = 0;
    let next = 0;
    this.#write(isObject ? "{" : "[");
    for (const [place, child] of choice.shown.entries()) {
      if (place > 0) this.#write(",");
      if (!isObject && child.index > next) this.#write(`${gapText(next, child.index)},`);
      next = child.index + 1;
      if (isObject) {
        this.#raw(child.keyStart, child.keyEnd);
        this.#write(":");
      }
      // What a value did not need of its share goes to the next one that is cut.
      const room = Math.min(child.size, (rooms[place] ?? 0) + spare);
      const before = this.#length;
      this.#value(child, room, depth + 1);
      spare += (rooms[place] ?? 0) - (this.#length - before);
    }
    const left = count - choice.shown.length;
    if (isObject && left > 0)
      this.#write(`,"…":"${left} ${left === 1 ? "member" : "members"} left out"`);
    if (!isObject && count > next) this.#write(`,${gapText(next, count)}`);
    this.#write(isObject ? "}" : "]");
  }

  /** A container of which nothing can be shown. */
  #stub(count: number, isObject: boolean, room: number): void {
    const text = isObject ? `{"…":"${count} members left out"}` : `["… ${count} items left out …"]`;
    this.#write(utf8Length(text) <= room ? text : NOTHING);
  }

  /** A text with its middle left out, never inside a character or an escape. */
  #string({ start, end }: Span, room: number): void {
    if (room < TELLING_BYTES) return this.#write(NOTHING);
    const kept = room - CHARACTERS_NOTE_BYTES;
    const headLimit = start + 1 + Math.ceil(kept / 2);
    const tailLimit = end - 1 - Math.floor(kept / 2);
    let headEnd = start + 1;
    let tailStart = end - 1;
    let left = 0;
    for (let at = start + 1; at < end - 1;) {
      const next = characterEnd(this.#bytes, at);
      if (next <= headLimit) headEnd = next;
      else if (at >= tailLimit) {
        tailStart = at;
        break;
      } else left += 1;
      at = next;
    }
    this.#raw(start, headEnd);
    this.#write(`…[${left} characters left out]…`);
    this.#raw(tailStart, end);
  }

  /** The value without white space between its tokens. */
  #copy({ start, end, size }: Span): void {
    if (size === end - start) return this.#raw(start, end);
    let inString = false;
    for (let at = start; at < end; at += 1) {
      const byte = this.#bytes[at] ?? 0;
      if (byte === QUOTE) inString = !inString;
      if (!inString && byte <= LAST_SPACE) continue;
      this.#out[this.#length++] = byte;
      if (inString && byte === BACKSLASH) this.#out[this.#length++] = this.#bytes[(at += 1)] ?? 0;
    }
  }

  #raw(start: number, end: number): void {
    this.#out.set(this.#bytes.subarray(start, end), this.#length);
    this.#length += end - start;
  }

  #write(text: string): void {
    this.#length += encoder.encodeInto(text, this.#out.subarray(this.#length)).written;
  }
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Stands for a value of which not even the length can be told. */
const NOTHING = '"…"';

/** How many children can fit at most; in steps, so that two cuts of nearly the same length look at the same ones. */
function childrenWithin(room: number): number {
  return Math.min(MAX_CHILDREN, 2 ** Math.ceil(Math.log2(Math.max(2, room / 2))));
}

/** All members with as much of their values as there is room for; fewer members only where even the names do not fit. */
function chooseMembers(children: Children, room: number): Choice | null {
  if (children.head.length === children.count) {
    for (const leastBytes of [TELLING_BYTES, MIN_CUT_BYTES]) {
      const left = room - 2 - sum(children.head.map((child) => fixedBytes(child)));
      if (left >= sum(children.head.map(({ size }) => Math.min(size, leastBytes))))
        return { shown: children.head, room: left, leastBytes };
    }
  }
  return chooseEnds(children, room - 2 - GAP_BYTES, TELLING_BYTES, 0);
}

function chooseItems(children: Children, room: number): Choice | null {
  const leastBytes = Math.min(
    MOST_ITEM_BYTES,
    Math.max(TELLING_BYTES, Math.floor(room / ITEM_SHARE)),
  );
  if (children.head.length === children.count) {
    const left = room - 2 - sum(children.head.map((child) => fixedBytes(child)));
    if (left >= sum(children.head.map(({ size }) => Math.min(size, leastBytes))))
      return { shown: children.head, room: left, leastBytes };
  }
  return chooseEnds(children, room - 2 - GAP_BYTES, leastBytes, GAP_BYTES);
}

/**
 * The first child, the last, those that speak of an error, then two more from the front for each one from the back, for
 * as long as each finds `leastBytes` or what it needs. Null when not even the first does.
 */
function chooseEnds(
  { head, tail, errors, count }: Children,
  room: number,
  leastBytes: number,
  errorGapBytes: number,
): Choice | null {
  const ends = tail.length > 0 ? tail : head;
  const chosen = new Map<number, Child>();
  let left = room;
  let needed = 0;
  const take = (child: Child | undefined, extraBytes: number): boolean => {
    if (child === undefined || chosen.has(child.index)) return false;
    const fixed = fixedBytes(child) + extraBytes;
    const least = Math.min(child.size, leastBytes);
    if (left - fixed < needed + least) return false;
    left -= fixed;
    needed += least;
    chosen.set(child.index, child);
    return true;
  };
  if (!take(head[0], 0)) return null;
  take(ends.at(-1), 0);
  const failing = [...head, ...errors, ...tail].filter(({ isError }) => isError);
  for (const child of failing.slice(0, MAX_ERRORS)) take(child, errorGapBytes);
  let front = 1;
  let back = 1;
  for (let turn = 0; chosen.size < count; turn += 1) {
    const child = turn % 3 === 2 ? ends.at(-1 - back) : head[front];
    if (turn % 3 === 2) back += 1;
    else front += 1;
    if (child !== undefined && chosen.has(child.index)) continue;
    if (!take(child, 0)) break;
  }
  const shown = [...chosen.values()].toSorted((a, b) => a.index - b.index);
  return { shown, room: left, leastBytes };
}

/** Room for each value: those that speak of an error first, then all alike. */
function shareRoom({ shown, room, leastBytes }: Choice): readonly number[] {
  const least = shown.map(({ size }) => Math.min(size, leastBytes));
  let free = room - sum(least);
  const forErrors = shown.map(({ isError, size }, place) => {
    const more = isError ? Math.min(free, size - (least[place] ?? 0)) : 0;
    free -= more;
    return isError ? (least[place] ?? 0) + more : 0;
  });
  const others = shown.map(({ isError, size }) => (isError ? 0 : size));
  const shares = waterFill(others, room - sum(forErrors));
  return shares.map((share, place) => share + (forErrors[place] ?? 0));
}

/** Bytes of a child beside its value: its name, colon and comma. */
function fixedBytes({ keyStart, keyEnd }: Child): number {
  return keyEnd - keyStart + (keyEnd > keyStart ? 2 : 1);
}

function gapText(from: number, to: number): string {
  const left = to - from;
  return left === 1
    ? `"… 1 item left out (${from}) …"`
    : `"… ${left} items left out (${from} to ${to - 1}) …"`;
}

/** Behind the character or escape at `at`; two escaped surrogates are one character. */
function characterEnd(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] ?? 0;
  if (byte === BACKSLASH) return escapeEnd(bytes, at);
  if (byte >= 0xf0) return at + 4;
  if (byte >= 0xe0) return at + 3;
  return byte >= 0xc0 ? at + 2 : at + 1;
}

const SMALL_U = 0x75;

function escapeEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at + 1] !== SMALL_U) return at + 2;
  const pair = decoder.decode(bytes.subarray(at, at + 12));
  return /^\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}$/i.test(pair) ? at + 12 : at + 6;
}

function utf8Length(text: string): number {
  return encoder.encode(text).length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
