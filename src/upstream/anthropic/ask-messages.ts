/** Asks a model by Anthropic's Messages API; the request comes and the answer goes in chat form. */

import { fail } from "../../platform/result.ts";
import { type AskProvider, askProvider, deliverJson } from "../ask-provider.ts";
import { anthropicHeaders } from "../provider-headers.ts";
import { createMessagesParser } from "./messages-answer.ts";
import { messagesBody } from "./messages-body.ts";

/** Asks `POST {base}/messages`. What the protocol cannot express is `validation_failed`, before anything is sent. */
export const askMessagesModel: AskProvider = (request) => {
  const body = messagesBody(request.body);
  if (!body.ok) return Promise.resolve(fail(body.error));
  return askProvider(request, {
    path: "/messages",
    headers: anthropicHeaders(request.apiKey),
    deliver: deliverJson(body.value),
    parser: createMessagesParser,
  });
};
