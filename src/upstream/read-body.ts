/**
 * Reads an answer's body into text without ever holding more than the cap.
 *
 * Decoded bytes are counted, because `Content-Length` speaks of the coded ones and 200 KB of gzip can hold 200 MB. At the
 * cap the body is cancelled, which closes the connection.
 */

import { type Result, fail, ok } from "../platform/result.ts";
import { Utf8Stream } from "../platform/utf8-stream.ts";

/** Why there is no text: past the cap, the connection broke or was aborted, or the bytes are not UTF-8. */
export type ReadFailure = "too_large" | "broken" | "not_utf8";

/** Response headers by name in lower case. */
export type HeaderRecord = Readonly<Record<string, string>>;

/** All headers of a response. */
export function headersOf(response: Response): HeaderRecord {
  return Object.fromEntries(response.headers);
}

/** What reading a body asks of the headers: by name they cost a fraction of all of them. */
export function bodyHeaders({ headers }: Response): HeaderRecord {
  const found: Record<string, string> = {};
  for (const name of BODY_HEADERS) {
    const value = headers.get(name);
    if (value !== null) found[name] = value;
  }
  return found;
}

const BODY_HEADERS = ["content-type", "content-length", "content-encoding", "retry-after"] as const;

/** Longest body that is taken whole. */
const MAX_WHOLE_BYTES = 1024 * 1024;

/** A body that turns out longer is a long one: its reader may have to wait before it reads on. */
export const LONG_BYTES = 256 * 1024;

/** A body in chunks; made by `chunksOf`. Whoever has it reads to the end or cancels. */
export interface Chunks {
  /** A rejection of the stream is `"broken"`, whatever its prose. */
  read(): Promise<Uint8Array | "end" | "broken">;
  cancel(): Promise<void>;
}

/**
 * The chunks of a response's body. A short body that says how long it is, uncoded, so that HTTP holds it to its word,
 * comes as one chunk: taking it whole costs the runtime a fraction of reading a stream.
 */
export function chunksOf(response: Response, headers: HeaderRecord): Chunks {
  const { body } = response;
  if (body === null) return wholeBody(() => Promise.resolve(new ArrayBuffer()));
  const declared = headers["content-length"];
  const isWhole =
    declared !== undefined &&
    Number(declared) <= MAX_WHOLE_BYTES &&
    headers["content-encoding"] === undefined;
  return isWhole ? wholeBody(() => response.arrayBuffer()) : streamed(body);
}

/** The chunks of a stream. */
export function streamed(body: ReadableStream<Uint8Array>): Chunks {
  const reader = body.getReader();
  return {
    async read() {
      try {
        const { done, value } = await reader.read();
        return done ? "end" : value;
      } catch {
        return "broken";
      }
    },
    cancel: () => reader.cancel(),
  };
}

function wholeBody(take: () => Promise<ArrayBuffer>): Chunks {
  let isTaken = false;
  return {
    async read() {
      if (isTaken) return "end";
      isTaken = true;
      try {
        return new Uint8Array(await take());
      } catch {
        return "broken";
      }
    },
    cancel: () => Promise.resolve(),
  };
}

/** The whole body as strict UTF-8. A missing body is empty text. `beforeLong` is awaited once, when a body is a long one. */
export async function readText(
  response: Response,
  headers: HeaderRecord,
  maxBytes: number,
  beforeLong?: () => Promise<void>,
): Promise<Result<string, ReadFailure>> {
  const reader = chunksOf(response, headers);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  let isLong = false;
  for (;;) {
    const chunk = await reader.read();
    if (chunk === "broken") return fail("broken");
    if (chunk === "end") return decode(pieces);
    bytes += chunk.byteLength;
    if (bytes > maxBytes) {
      await discard(reader);
      return fail("too_large");
    }
    pieces.push(chunk);
    if (bytes > LONG_BYTES && !isLong) {
      isLong = true;
      await beforeLong?.();
    }
  }
}

/** True when the runtime has undone the answer's content coding: one gzip or br. Others it hands over as raw bytes. */
export function isDecoded(headers: HeaderRecord): boolean {
  return /^(|identity|gzip|br)$/i.test(headers["content-encoding"]?.trim() ?? "");
}

/** Cancels a body nobody will read, so its connection closes. A body that is already broken is as good as cancelled. */
export async function discard(body: { cancel(): Promise<void> } | null): Promise<void> {
  await body?.cancel().catch(() => {});
}

function decode(pieces: readonly Uint8Array[]): Result<string, "not_utf8"> {
  const utf8 = new Utf8Stream();
  let text = "";
  for (const piece of pieces) {
    const next = utf8.push(piece);
    if (next === null) return fail("not_utf8");
    text += next;
  }
  return utf8.isWhole ? ok(text) : fail("not_utf8");
}
