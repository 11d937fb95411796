/**
 * Walks JSON text as UTF-8 bytes without ever building its values.
 *
 * One pass notes where the big objects and lists end. After that the children of any of them are found by stepping over
 * the big ones and walking the small ones, so looking into a nest of containers costs about one more pass in all,
 * however deep the nest is. The text must be valid JSON; on anything else a walk still ends, with a wrong answer.
 */

/** A value's place: from its first byte to the one behind its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** Bytes without the white space between tokens. */
  readonly size: number;
}

/** A member of an object or an item of a list. */
export interface Child extends Span {
  readonly index: number;
  /** The name with its quotes; both 0 for an item. */
  readonly keyStart: number;
  readonly keyEnd: number;
  /** A member that speaks of an error, or an item with such a member. */
  readonly isError: boolean;
}

/** What a container holds: all of it in `head` where there is room, else its two ends. */
export interface Children {
  readonly count: number;
  readonly head: readonly Child[];
  /** Never overlaps `head`. */
  readonly tail: readonly Child[];
  /** Between the two: the first few that speak of an error. */
  readonly errors: readonly Child[];
}

/** Errors named from the middle of a container. */
const MAX_ERRORS = 3;

/** A container is noted when it is at least this long, and at least this share of the text. */
const MIN_BIG_BYTES = 1024;
const BIG_SHARE = 4096;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LAST_SPACE = 0x20;

/** Names under which answers report errors, in lower case. */
const ERROR_KEYS: ReadonlySet<string> = new Set([
  "error",
  "errors",
  "errormessage",
  "error_message",
]);

interface BigSpan {
  readonly end: number;
  readonly spaces: number;
  readonly isError: boolean;
}

/** A walker over one JSON text. */
export class JsonScan {
  readonly bytes: Uint8Array;
  readonly #big = new Map<number, BigSpan>();
  /** Children of big containers that were asked for: a second cut of the same text looks at the same ones. */
  readonly #known = new Map<number, { readonly most: number; readonly children: Children }>();
  /** Results of the last step over a value, beside its end. */
  #spaces = 0;
  #sawError = false;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#noteBig();
  }

  /** The whole value. */
  root(): Span {
    return this.#child(this.#pastSpace(0), 0, false);
  }

  /** Whether the value is an object, a list, or a single one. */
  kindOf({ start }: Span): "object" | "list" | "string" | "scalar" {
    const byte = this.bytes[start];
    if (byte === OPEN_OBJECT) return "object";
    if (byte === OPEN_LIST) return "list";
    return byte === QUOTE ? "string" : "scalar";
  }

  /** The children of an object or a list; at most `most` from each end. */
  children(parent: Span, most: number): Children {
    const known = this.#known.get(parent.start);
    if (known?.most === most) return known.children;
    const children = this.#findChildren(parent, most);
    if (this.#big.has(parent.start)) this.#known.set(parent.start, { most, children });
    return children;
  }

  #findChildren(parent: Span, most: number): Children {
    const isObject = this.bytes[parent.start] === OPEN_OBJECT;
    const head: Child[] = [];
    const errors: Child[] = [];
    const newest = new Int32Array(most);
    let count = 0;
    for (let at = this.#firstChild(parent); at < parent.end - 1; at = this.#nextChild(at)) {
      newest[count % most] = at;
      const begin = at;
      if (count < most) {
        const child = this.#child(at, count, isObject);
        head.push(child);
        at = child.end;
      } else {
        at = this.#stepOverChild(at, isObject);
        if (this.#sawError && errors.length < MAX_ERRORS)
          errors.push(this.#child(begin, count, isObject));
      }
      count += 1;
    }
    const tail: Child[] = [];
    for (let index = Math.max(head.length, count - most); index < count; index += 1)
      tail.push(this.#child(newest[index % most] ?? 0, index, isObject));
    const firstOfTail = tail[0]?.index ?? count;
    return { count, head, tail, errors: errors.filter(({ index }) => index < firstOfTail) };
  }

  /** Calls `visit` with each child in order until it answers false. */
  eachChild(parent: Span, visit: (child: Child) => boolean): void {
    const isObject = this.bytes[parent.start] === OPEN_OBJECT;
    let index = 0;
    for (let at = this.#firstChild(parent); at < parent.end - 1; at = this.#nextChild(at)) {
      const child = this.#child(at, index, isObject);
      if (!visit(child)) return;
      at = child.end;
      index += 1;
    }
  }

  /** The text of a value as it stands. */
  text({ start, end }: Pick<Span, "start" | "end">): string {
    return decoder.decode(this.bytes.subarray(start, end));
  }

  #firstChild(parent: Span): number {
    return this.#pastSpace(parent.start + 1);
  }

  #nextChild(end: number): number {
    const at = this.#pastSpace(end);
    return this.bytes[at] === COMMA ? this.#pastSpace(at + 1) : at;
  }

  #child(at: number, index: number, isObject: boolean): Child {
    const keyEnd = isObject ? stringEnd(this.bytes, at) : 0;
    const start = isObject ? this.#pastSpace(this.#pastSpace(keyEnd) + 1) : at;
    const end = this.#stepOver(start);
    return {
      start,
      end,
      size: end - start - this.#spaces,
      index,
      keyStart: isObject ? at : 0,
      keyEnd,
      isError: isObject ? isErrorKey(this.bytes, at, keyEnd) : this.#sawError,
    };
  }

  #stepOverChild(at: number, isObject: boolean): number {
    if (!isObject) return this.#stepOver(at);
    const keyEnd = stringEnd(this.bytes, at);
    const end = this.#stepOver(this.#pastSpace(this.#pastSpace(keyEnd) + 1));
    this.#sawError = isErrorKey(this.bytes, at, keyEnd);
    return end;
  }

  /** The end of the value at `at`, which is at least one byte on; notes its white space and whether it holds an error. */
  #stepOver(at: number): number {
    const { bytes } = this;
    this.#spaces = 0;
    this.#sawError = false;
    const first = bytes[at];
    if (first === QUOTE) return stringEnd(bytes, at);
    if (first !== OPEN_OBJECT && first !== OPEN_LIST) return scalarEnd(bytes, at);
    const big = this.#big.get(at);
    if (big === undefined) return this.#containerEnd(at);
    this.#spaces = big.spaces;
    this.#sawError = big.isError;
    return big.end;
  }

  #containerEnd(start: number): number {
    const { bytes } = this;
    let depth = 0;
    let at = start;
    while (at < bytes.length) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        const end = stringEnd(bytes, at);
        if (depth === 1 && isErrorKey(bytes, at, end)) this.#sawError = true;
        at = end;
        continue;
      }
      at += 1;
      if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth += 1;
      else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        depth -= 1;
        if (depth === 0) break;
      } else if (byte <= LAST_SPACE) this.#spaces += 1;
    }
    return at;
  }

  #noteBig(): void {
    const { bytes } = this;
    const least = Math.max(MIN_BIG_BYTES, Math.floor(bytes.length / BIG_SHARE));
    const open: { readonly start: number; readonly spaces: number; isError: boolean }[] = [];
    let spaces = 0;
    for (let at = 0; at < bytes.length;) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        const end = stringEnd(bytes, at);
        const parent = open.at(-1);
        if (parent !== undefined && isErrorKey(bytes, at, end)) parent.isError = true;
        at = end;
        continue;
      }
      if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        open.push({ start: at, spaces, isError: false });
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        const one = open.pop();
        if (one !== undefined && at + 1 - one.start >= least)
          this.#big.set(one.start, {
            end: at + 1,
            spaces: spaces - one.spaces,
            isError: one.isError,
          });
      } else if (byte <= LAST_SPACE) spaces += 1;
      at += 1;
    }
  }

  #pastSpace(at: number): number {
    return pastSpace(this.bytes, at);
  }
}

const decoder = new TextDecoder();

function pastSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && (bytes[at] ?? 0) <= LAST_SPACE) at += 1;
  return at;
}

/** Behind the closing quote of the string whose opening quote is at `start`. */
function stringEnd(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at += 1;
  }
  return bytes.length;
}

function scalarEnd(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_LIST || byte <= LAST_SPACE) break;
  }
  return at;
}

/** The first three letters of all of them, looked at before a name is decoded: most names fail here. */
const ERROR_START = [0x65, 0x72, 0x72];
const TO_LOWER = 0x20;

/** True for the name of a member that reports an error, when its value says anything. */
function isErrorKey(bytes: Uint8Array, start: number, end: number): boolean {
  for (const [place, letter] of ERROR_START.entries())
    if (((bytes[start + 1 + place] ?? 0) | TO_LOWER) !== letter) return false;
  const length = end - start - 2;
  if (length < 5 || length > 13) return false;
  const name = decoder.decode(bytes.subarray(start + 1, end - 1)).toLowerCase();
  if (!ERROR_KEYS.has(name)) return false;
  const colon = pastSpace(bytes, end);
  if (bytes[colon] !== COLON) return false;
  const value = pastSpace(bytes, colon + 1);
  const next = decoder.decode(bytes.subarray(value, value + 2));
  return !/^(?:n|f|0|""|\[\]|\{\})/.test(next);
}
