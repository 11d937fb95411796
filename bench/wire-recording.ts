/** Recorded answers of model providers as the bytes they were sent in, read by the parser of their protocol. */

import type { ModelEvent } from "../src/contract/chat.ts";
import { createMessagesParser } from "../src/upstream/anthropic/messages-answer.ts";
import type { AnswerParser } from "../src/upstream/answer-parser.ts";
import { createChatAnswerParser, createChatStreamParser } from "../src/upstream/chat-stream.ts";
import { createResponsesParser } from "../src/upstream/responses/responses-answer.ts";
import { unfoldWrapperCalls } from "../src/upstream/wrapper-calls.ts";

const utf8 = new TextEncoder();

/** The bytes of a recording named `folder/file`: a whole JSON answer, or one event a line. */
export function recordingBytes(path: string, text: string): Uint8Array {
  if (path.endsWith(".json")) return utf8.encode(text);
  const lines = text.trim().split("\n");
  const isMessages = path.startsWith("anthropic/");
  const events = lines.map((line) => {
    const type = /"type":"([a-z_]+)"/.exec(line)?.[1] ?? "";
    return isMessages ? `event: ${type}\ndata: ${line}\n\n` : `data: ${line}\n\n`;
  });
  return utf8.encode(events.join("") + (isMessages ? "" : "data: [DONE]\n\n"));
}

/** The events of a recording whose bytes came in these chunks; ids made up as `made-1` … */
export function readRecording(path: string, chunks: readonly Uint8Array[]): readonly ModelEvent[] {
  const parser = parserOf(path);
  const events = chunks.flatMap((chunk) => [...parser.push(chunk)]);
  return [...events, ...parser.end()];
}

function parserOf(path: string): AnswerParser {
  let made = 0;
  const newCallId = () => {
    made += 1;
    return `made-${made}`;
  };
  const isStream = !path.endsWith(".json");
  const [folder] = path.split("/");
  const options = { newCallId };
  const chat = isStream ? createChatStreamParser : createChatAnswerParser;
  const parser =
    folder === "anthropic"
      ? createMessagesParser(isStream, options)
      : folder === "chat-completions"
        ? chat(options)
        : createResponsesParser(isStream, options);
  return unfoldWrapperCalls(parser, new Set());
}
