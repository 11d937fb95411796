/** `POST /v1/messages`: Anthropic's Messages API, with the tenant's tools run on the way, over any kind of provider. */

import { Hono, type Context } from "hono";

import { routeModel } from "../../assembly/ask-model.ts";
import { startChat, type RunCaller } from "../../assembly/start-run.ts";
import type { ChatEvent } from "../../contract/chat.ts";
import { MessagesRequest } from "../../contract/messages.ts";
import { chatBody } from "../../orchestration/messages/chat-body.ts";
import type { MessagesTarget } from "../../orchestration/messages/target.ts";
import { WholeMessage } from "../../orchestration/messages/whole-message.ts";
import { startAdmitted, type AdmittedRun } from "../admitted-run.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { createMessageEncoder, messageError, PING } from "../message-events.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { readModelRequest } from "../model-request.ts";
import { refuse } from "../refuse.ts";
import { startingWith } from "../starting-with.ts";
import { streamAnswer } from "../stream-answer.ts";

/** The route of messages. */
export const messages = new Hono<EdgeEnv>().post(
  "/",
  requireScope("POST", "/v1/messages"),
  async (c) => {
    const read = await readModelRequest(c, MessagesRequest);
    if (!read.ok) return refuse(c, read.error);
    const { caller, body, tools, idempotencyKey } = read.value;
    const request = chatBody(body, targetOf(caller, body.model));
    if (!request.ok) return refuse(c, request.error);
    const options = {
      tools,
      idempotencyKey,
      isDebug: c.req.header("x-gw-debug") === "1",
      asItems: true,
    } as const;

    const run = await startAdmitted(c, caller, (signal) =>
      startChat(c.env, caller, request.value, options, signal),
    );
    if (!run.ok) return refuse(c, run.error);
    const response = await answer(c, run.value, body, caller.snapshot.policy.runs.heartbeat_ms);
    // Where Anthropic's clients look for it.
    response.headers.set("request-id", c.var.record.id);
    return response;
  },
);

/** Who will answer, as far as it decides what the request may hold; an unknown model is refused by the run. */
function targetOf({ snapshot }: RunCaller, model: string): MessagesTarget {
  const route = routeModel(snapshot, model);
  const { kind, targets = [] } = route?.upstream ?? {};
  const isAtOpenAI = targets.every(
    ({ base_url: url }) => URL.parse(url)?.host === "api.openai.com",
  );
  return { isMessages: kind === "anthropic", isOpenAI: kind === "openai" && isAtOpenAI };
}

/** Waits for the first event, which decides between an error with a status and an answer; then streams or collects. */
async function answer(
  c: Context<EdgeEnv>,
  run: AdmittedRun<ChatEvent>,
  request: MessagesRequest,
  heartbeatMs: number,
): Promise<Response> {
  const { record } = c.var;
  const { events } = run;
  const fromMs = Date.now();
  const first = await events.next();
  record.waitedMs = Date.now() - fromMs;
  if (first.done === true) return refuse(c, { code: "cancelled" });
  if (first.value.type === "failed") return refuse(c, first.value.error);
  const all = startingWith(first.value, events);
  if (request.stream !== true) {
    const collected = await collect(c, all);
    record.waitedMs = Date.now() - fromMs;
    return collected;
  }
  const encode = createMessageEncoder();
  return streamAnswer(c, run, all, heartbeatMs, {
    contentType: "text/event-stream",
    encode: (event) => {
      if (event.type === "failed") record.code = event.error.code;
      return encode(event);
    },
    isLast: (event) => event.type === "finished" || event.type === "failed",
    unfinished: (isFault) => messageError({ code: isFault ? "internal" : "cancelled" }, run.id),
    heartbeat: PING,
  });
}

async function collect(c: Context<EdgeEnv>, events: AsyncIterator<ChatEvent>): Promise<Response> {
  const message = new WholeMessage();
  for (;;) {
    const next = await events.next();
    if (next.done === true) return refuse(c, { code: "cancelled" });
    if (next.value.type === "failed") return refuse(c, next.value.error);
    if (next.value.type === "finished") return c.json(message.end(next.value));
    message.take(next.value);
  }
}
