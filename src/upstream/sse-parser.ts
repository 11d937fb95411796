/**
 * Server-sent events from bytes (WHATWG HTML §9.2.6), one push at a time.
 *
 * Chunks may break anywhere, also inside a character or between CR and LF. Stricter than the standard in two ways: bytes
 * that are not UTF-8 are a fault instead of U+FFFD, and an event has a size bound, so an upstream that never writes a
 * line end cannot fill memory. More lenient in one: the last event counts even when its blank line is missing, because
 * some providers close right after `[DONE]`. After a fault the parser must not be used again.
 */

import { type Result, fail, ok } from "../platform/result.ts";
import { Utf8Stream } from "../platform/utf8-stream.ts";

/** One event: its `event` field (empty when absent) and its data lines joined with LF. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
}

/** Why a stream cannot be read on. */
export type SseFault = "too_large" | "not_utf8";

/** A parser and the state of one stream. */
export interface SseParser {
  /** The events that `bytes` complete. */
  push(bytes: Uint8Array): Result<readonly ServerSentEvent[], SseFault>;
  /** The event that lacked only its blank line, if any; call once, at the end of the stream. */
  end(): Result<readonly ServerSentEvent[], SseFault>;
}

/** A parser of one stream whose events hold at most `maxEventChars` characters. */
export function createSseParser(maxEventChars: number): SseParser {
  const utf8 = new Utf8Stream();
  const event = new PendingEvent();
  /** The unfinished line, in the pieces it came in: joining them once keeps a long line from being copied each time. */
  let pieces: string[] = [];
  let unfinished = 0;
  let afterCarriageReturn = false;

  const feed = (text: string): Result<readonly ServerSentEvent[], SseFault> => {
    const events: ServerSentEvent[] = [];
    let lineStart = afterCarriageReturn && text.startsWith("\n") ? 1 : 0;
    if (text !== "") afterCarriageReturn = false;
    for (;;) {
      const lineEnd = findLineEnd(text, lineStart);
      if (lineEnd === -1) break;
      const complete = event.take(pieces.join("") + text.slice(lineStart, lineEnd));
      if (complete !== null) events.push(complete);
      if (event.size > maxEventChars) return fail("too_large");
      pieces = [];
      unfinished = 0;
      afterCarriageReturn = text.charAt(lineEnd) === "\r" && lineEnd === text.length - 1;
      lineStart = lineEnd + (text.startsWith("\r\n", lineEnd) ? 2 : 1);
    }
    if (lineStart < text.length) pieces.push(text.slice(lineStart));
    unfinished += text.length - Math.min(lineStart, text.length);
    return event.size + unfinished > maxEventChars ? fail("too_large") : ok(events);
  };

  return {
    push(bytes) {
      const text = utf8.push(bytes);
      return text === null ? fail("not_utf8") : feed(text);
    },
    end() {
      return utf8.isWhole ? feed("\n\n") : fail("not_utf8");
    },
  };
}

/** The event being read, line by line. */
class PendingEvent {
  #event = "";
  #data: string[] = [];
  /** Characters of data held. */
  size = 0;

  /** Takes one line without its end; the event when the line is the blank one that completes it. */
  take(line: string): ServerSentEvent | null {
    if (line === "") return this.#complete();
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value =
      colon === -1 ? "" : line.slice(line.charAt(colon + 1) === " " ? colon + 2 : colon + 1);
    if (field === "data") {
      this.#data.push(value);
      this.size += value.length + 1;
    }
    if (field === "event") this.#event = value;
    return null;
  }

  #complete(): ServerSentEvent | null {
    const complete =
      this.#data.length === 0 ? null : { event: this.#event, data: this.#data.join("\n") };
    this.#event = "";
    this.#data = [];
    this.size = 0;
    return complete;
  }
}

/** Place of the next CR or LF, or -1. */
function findLineEnd(text: string, from: number): number {
  const lineFeed = text.indexOf("\n", from);
  const end = lineFeed === -1 ? text.length : lineFeed;
  const carriageReturn = text.slice(from, end).indexOf("\r");
  return carriageReturn === -1 ? lineFeed : from + carriageReturn;
}
