/** Routes that ask a model, one protocol of its clients after the other; part of the route table. */

import { ChatRequest } from "./chat.ts";
import type { Scope } from "./key.ts";
import { MessagesRequest } from "./messages.ts";
import { ResponseRequest } from "./response.ts";
import type { RouteEntry } from "./route-table.ts";

const RUN: readonly Scope[] = ["run"];

/** Every route that asks a model. */
export const MODEL_ROUTES: readonly RouteEntry[] = [
  {
    method: "POST",
    path: "/v1/chat/completions",
    scopes: RUN,
    status: 200,
    body: { name: "ChatRequest", schema: ChatRequest },
  },
  {
    method: "POST",
    path: "/v1/responses",
    scopes: RUN,
    status: 200,
    body: { name: "ResponseRequest", schema: ResponseRequest },
  },
  {
    method: "GET",
    path: "/v1/responses/:id",
    scopes: RUN,
    status: 200,
  },
  {
    method: "POST",
    path: "/v1/responses/:id/cancel",
    scopes: RUN,
    status: 200,
  },
  {
    method: "DELETE",
    path: "/v1/responses/:id",
    scopes: RUN,
    status: 200,
  },
  {
    method: "POST",
    path: "/v1/messages",
    scopes: RUN,
    status: 200,
    body: { name: "MessagesRequest", schema: MessagesRequest },
  },
];
