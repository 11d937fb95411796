/** OpenAI's chat completions. */

import type { Face } from "../face.ts";
import { readModelRequest } from "../request.ts";
import { completionBody, streamSteps } from "../wire.ts";
import { openAIEnvelope } from "./openai-envelope.ts";

/** `POST /v1/chat/completions`. */
export const chatFace: Face = {
  path: "/v1/chat/completions",
  read: (body) =>
    readModelRequest(body) ?? {
      status: 400,
      code: "invalid_request",
      message: "the body is not a chat request",
    },
  whole: completionBody,
  steps: streamSteps,
  ending: "data: [DONE]\n\n",
  error: openAIEnvelope,
};
