/**
 * Strict UTF-8 to text, piece by piece, by one decoder for everybody: making a `TextDecoder` costs more than reading most
 * texts with it, and one that is told `stream` belongs to its stream. So pieces are cut between characters here.
 *
 * A byte order mark at the very beginning is dropped. After a fault the stream must not be used again.
 */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const BYTE_ORDER_MARK = "\uFEFF";

/** Text of whole UTF-8 bytes, or null when they are none. A byte order mark at the beginning is dropped. */
export function utf8Text(bytes: Uint8Array): string | null {
  return withoutMark(decode(bytes));
}

/** One stream of bytes. */
export class Utf8Stream {
  /** The first bytes of a character whose last have not come: at most three. */
  #open: Uint8Array | null = null;
  #hasBegun = false;

  /** The characters that `bytes` complete; null when they are not UTF-8. */
  push(bytes: Uint8Array): string | null {
    const all = this.#open === null ? bytes : joined(this.#open, bytes);
    const openLength = openBytes(all);
    const cut = all.byteLength - openLength;
    this.#open = openLength === 0 ? null : all.slice(cut);
    const text = decode(openLength === 0 ? all : all.subarray(0, cut));
    if (this.#hasBegun || text === "") return text;
    this.#hasBegun = true;
    return withoutMark(text);
  }

  /** True when the stream may end here: not within a character. */
  get isWhole(): boolean {
    return this.#open === null;
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

function withoutMark(text: string | null): string | null {
  return text?.startsWith(BYTE_ORDER_MARK) === true ? text.slice(1) : text;
}

/** Bytes at the end that begin a character and do not finish it. What can begin none is left to the decoder's verdict. */
function openBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.byteLength); back += 1) {
    const byte = bytes[bytes.byteLength - back] ?? 0;
    if ((byte & 0xc0) !== 0x80) return lengthOf(byte) > back ? back : 0;
  }
  return 0;
}

/** Bytes of the character that begins with `byte` (RFC 3629 §4); 1 for what begins none. */
function lengthOf(byte: number): number {
  if (byte < 0xc2 || byte > 0xf4) return 1;
  if (byte < 0xe0) return 2;
  return byte < 0xf0 ? 3 : 4;
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const all = new Uint8Array(head.byteLength + tail.byteLength);
  all.set(head);
  all.set(tail, head.byteLength);
  return all;
}
