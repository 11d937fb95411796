/** `POST /v1/chat/completions`: OpenAI's chat completions, with the tenant's tools run on the way. */

import { Hono, type Context } from "hono";

import { startChat } from "../../assembly/start-run.ts";
import { ChatRequest, type ChatEvent } from "../../contract/chat.ts";
import { startAdmitted, type AdmittedRun } from "../admitted-run.ts";
import { createChunkEncoder, errorChunk } from "../chat-chunks.ts";
import { collectCompletion } from "../chat-completion.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { readModelRequest } from "../model-request.ts";
import { refuse } from "../refuse.ts";
import { wantsToolEvents } from "../run-headers.ts";
import { startingWith } from "../starting-with.ts";
import { streamAnswer } from "../stream-answer.ts";

/** The route of chat completions. */
export const chatCompletions = new Hono<EdgeEnv>().post(
  "/",
  requireScope("POST", "/v1/chat/completions"),
  async (c) => {
    const read = await readModelRequest(c, ChatRequest);
    if (!read.ok) return refuse(c, read.error);
    const { caller, body, tools, idempotencyKey } = read.value;
    const options = {
      tools,
      idempotencyKey,
      isDebug: c.req.header("x-gw-debug") === "1",
    };

    const run = await startAdmitted(c, caller, (signal) =>
      startChat(c.env, caller, body, options, signal),
    );
    if (!run.ok) return refuse(c, run.error);
    return answerChat(c, run.value, body, caller.snapshot.policy.runs.heartbeat_ms);
  },
);

/** Waits for the first event, which decides between an error with a status and an answer; then streams or collects. */
async function answerChat(
  c: Context<EdgeEnv>,
  run: AdmittedRun<ChatEvent>,
  request: ChatRequest,
  heartbeatMs: number,
): Promise<Response> {
  const { record } = c.var;
  const { events } = run;
  const created = Math.floor(record.startedMs / 1000);
  const fromMs = Date.now();
  const first = await events.next();
  record.waitedMs = Date.now() - fromMs;
  if (first.done === true) return refuse(c, { code: "cancelled" });
  if (first.value.type === "failed") return refuse(c, first.value.error);

  if (request.stream !== true) {
    const completion = await collectCompletion(events, first.value, created);
    record.waitedMs = Date.now() - fromMs;
    return completion.ok ? c.json(completion.value) : refuse(c, completion.error);
  }
  const encode = createChunkEncoder({
    created,
    includeUsage: request.stream_options?.include_usage === true,
    includeTools: wantsToolEvents(c.req.header("x-gw-events")),
  });
  return streamAnswer(c, run, startingWith(first.value, events), heartbeatMs, {
    contentType: "text/event-stream",
    encode: (event) => {
      if (event.type === "failed") record.code = event.error.code;
      return encode(event);
    },
    isLast: (event) => event.type === "finished" || event.type === "failed",
    unfinished: (isFault) => errorChunk({ code: isFault ? "internal" : "cancelled" }, run.id),
    heartbeat: ": keepalive\n\n",
  });
}
