/**
 * Asks an OpenAI-compatible model one turn. The body goes out as the client wrote it, and the answer is read by our own
 * parser, because of what providers really send.
 */

import {
  type AskProvider,
  askProvider,
  deliverJson,
  type ModelRequest,
  type Protocol,
} from "./ask-provider.ts";
import { createChatAnswerParser, createChatStreamParser } from "./chat-stream.ts";
import { bearerHeaders } from "./provider-headers.ts";

/** Asks `POST {base}/chat/completions`; the body goes out untouched. */
export const askChatModel: AskProvider = (request) => askProvider(request, chatProtocol(request));

function chatProtocol({ apiKey, body }: ModelRequest): Protocol {
  return {
    path: "/chat/completions",
    headers: bearerHeaders(apiKey),
    deliver: deliverJson(body),
    parser: (isStream, options) =>
      isStream ? createChatStreamParser(options) : createChatAnswerParser(options),
  };
}
