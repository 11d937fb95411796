/**
 * From the bytes of a provider's answer to its events, the same for every provider.
 *
 * A provider's own part is an `AnswerReader`, which takes one parsed JSON value after the other. What is common lives here:
 * cutting a stream into events, decoding, size bounds, and what happens when bytes are not what was promised: one `failed`
 * event, and nothing after it.
 */

import type { ModelEvent } from "../contract/chat.ts";
import { closeBrackets, isCutOff } from "./close-brackets.ts";
import { createSseParser, type ServerSentEvent } from "./sse-parser.ts";
import { Utf8Stream } from "../platform/utf8-stream.ts";
import { parseJson } from "./json-member.ts";

/** One event of a stream. */
const MAX_EVENT_CHARS = 4 * 1024 * 1024;

/** One answer that is not streamed. */
export const MAX_ANSWER_CHARS = 16 * 1024 * 1024;

/** What the parser may be told about the request; both make it more exact, neither is needed. */
export interface ParserOptions {
  /** Names of the tools offered. */
  readonly toolNames?: ReadonlySet<string>;
  /** An id for a call that came without one, or with one already taken. */
  readonly newCallId?: () => string;
}

/** A parser of one answer. After a `failed` event, and after `end`, it gives nothing more. */
export interface AnswerParser {
  /** The finish reason has come; what may still follow is usage. */
  readonly finishSeen: boolean;
  /** The answer is complete: the stream said so, or it failed. */
  readonly done: boolean;
  /** What came is the beginning of a longer answer; asked when it has ended and is not complete. */
  readonly isCutOff: boolean;
  push(bytes: Uint8Array): readonly ModelEvent[];
  /** Call once, when the stream has ended or was cut. */
  end(): readonly ModelEvent[];
}

/** What one provider's answers mean. Every method gives nothing once the answer is done. */
export interface AnswerReader {
  readonly finishSeen: boolean;
  readonly done: boolean;
  /** One event of a stream. */
  event(json: unknown): readonly ModelEvent[];
  /** An answer that came in one piece; it must then be done. */
  whole(json: unknown): readonly ModelEvent[];
  /** The last events; `orderly` is true when the provider itself said that the answer is complete. */
  complete(orderly: boolean): readonly ModelEvent[];
  /** Ends the answer because it is not in the format. */
  invalid(): readonly ModelEvent[];
}

/** A parser of one streamed answer. */
export function createStreamParser(reader: AnswerReader): AnswerParser {
  const sse = createSseParser(MAX_EVENT_CHARS);
  let ending = false;
  let hasBegun = false;
  const read = (event: ServerSentEvent): readonly ModelEvent[] => {
    const data = event.data.trim();
    if (data === "") return [];
    if (data === "[DONE]") return reader.complete(true);
    const json = parseJson(data) ?? (ending ? undefined : parseJson(closeBrackets(data) ?? ""));
    if (json !== undefined) {
      hasBegun = true;
      return reader.event(json);
    }
    // Half an event at the end of a finished answer is nothing anybody waits for.
    return ending && reader.finishSeen ? [] : reader.invalid();
  };
  return {
    get finishSeen() {
      return reader.finishSeen;
    },
    get done() {
      return reader.done;
    },
    get isCutOff() {
      return hasBegun;
    },
    push(bytes) {
      if (reader.done) return [];
      const events = sse.push(bytes);
      return events.ok ? events.value.flatMap(read) : reader.invalid();
    },
    end() {
      ending = true;
      const rest = sse.end();
      return [...(rest.ok ? rest.value.flatMap(read) : []), ...reader.complete(false)];
    },
  };
}

/** A parser of one answer that is not streamed: everything comes from `end`. */
export function createWholeParser(reader: AnswerReader): AnswerParser {
  const utf8 = new Utf8Stream();
  let text = "";
  return {
    finishSeen: false,
    get done() {
      return reader.done;
    },
    get isCutOff() {
      return isCutOff(text);
    },
    push(bytes) {
      if (reader.done) return [];
      const piece = utf8.push(bytes);
      if (piece === null) return reader.invalid();
      text += piece;
      return text.length > MAX_ANSWER_CHARS ? reader.invalid() : [];
    },
    end() {
      if (reader.done) return [];
      return utf8.isWhole ? reader.whole(parseJson(text)) : reader.invalid();
    },
  };
}
