/**
 * Asks an OpenAI-compatible model one turn, through the `openai` package and our own eyes.
 *
 * The package builds the request; its `fetch` is ours (ask-provider.ts), so it never sees an error body, which it would
 * read without a bound, nor the key.
 */

import { type AskProvider, askProvider, type ModelRequest, type Protocol } from "./ask-provider.ts";
import { createChatAnswerParser, createChatStreamParser } from "./chat-stream.ts";
import { postJson } from "./openai-client.ts";
import { bearerHeaders } from "./provider-headers.ts";

/** Asks `POST {base}/chat/completions`; the body goes out untouched. */
export const askChatModel: AskProvider = (request) => askProvider(request, chatProtocol(request));

function chatProtocol({ apiKey, body, timeouts }: ModelRequest): Protocol {
  return {
    path: "/chat/completions",
    headers: bearerHeaders(apiKey),
    deliver: (url, send) => postJson(url, body, timeouts.totalMs, send),
    parser: (isStream, options) =>
      isStream ? createChatStreamParser(options) : createChatAnswerParser(options),
  };
}
