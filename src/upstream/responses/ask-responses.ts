/** Asks a model by OpenAI's Responses API; the request comes and the answer goes in chat form. */

import { fail } from "../../platform/result.ts";
import { type AskProvider, askProvider, deliverJson } from "../ask-provider.ts";
import { bearerHeaders } from "../provider-headers.ts";
import { createResponsesParser } from "./responses-answer.ts";
import { responsesBody } from "./responses-body.ts";

/** Asks `POST {base}/responses`. What the protocol cannot express is `validation_failed`, before anything is sent. */
export const askResponsesModel: AskProvider = (request) => {
  const body = responsesBody(request.body);
  if (!body.ok) return Promise.resolve(fail(body.error));
  return askProvider(request, {
    path: "/responses",
    headers: bearerHeaders(request.apiKey),
    deliver: deliverJson(body.value),
    parser: createResponsesParser,
  });
};
