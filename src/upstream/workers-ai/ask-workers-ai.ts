/**
 * Asks a model of Cloudflare Workers AI, by its OpenAI-compatible REST endpoint
 * (`https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1`), with what is different there put right.
 *
 * The `AI` binding is not used: it needs an account at run time and takes no abort signal, while the REST form runs under
 * the same guard, clocks and signal as every other provider.
 */

import { type AskProvider, askProvider, deliverJson } from "../ask-provider.ts";
import { createChatAnswerParser, createChatStreamParser } from "../chat-stream.ts";
import { bearerHeaders } from "../provider-headers.ts";
import { workersAiBody } from "./workers-ai-body.ts";
import { openAIChunk } from "./workers-ai-chunk.ts";

/** Asks `POST {base}/chat/completions`. */
export const askWorkersAiModel: AskProvider = (request) =>
  askProvider(request, {
    path: "/chat/completions",
    headers: bearerHeaders(request.apiKey),
    deliver: deliverJson(workersAiBody(request.body)),
    parser: (isStream, options) => {
      const quirks = { ...options, asChunk: openAIChunk };
      return isStream ? createChatStreamParser(quirks) : createChatAnswerParser(quirks);
    },
  });
