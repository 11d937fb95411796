/** `/v1/responses`: OpenAI's Responses API, with the tenant's tools as items of the answer. */

import { Hono, type Context } from "hono";

import { startResponse } from "../../assembly/start-run.ts";
import { eraseResponse, readResponse } from "../../assembly/stored-responses.ts";
import { ResponseRequest, type ResponseRunEvent } from "../../contract/response.ts";
import { startAdmitted, type AdmittedRun } from "../admitted-run.ts";
import { MAX_CHAT_BODY_BYTES, readBody } from "../body.ts";
import { loadCaller } from "../caller.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { refuse } from "../refuse.ts";
import {
  brokenResponseText,
  isLastResponseEvent,
  lastResponse,
  openResponseStream,
  responseEventText,
  shownResponse,
} from "../response-wire.ts";
import { readIdempotencyKey, readToolChoice } from "../run-headers.ts";
import { streamAnswer } from "../stream-answer.ts";

/** Routes of responses. */
export const responses = new Hono<EdgeEnv>()
  .post("/", requireScope("POST", "/v1/responses"), async (c) => {
    const caller = await loadCaller(c);
    if (!caller.ok) return refuse(c, caller.error);
    const body = await readBody(c.req.raw, ResponseRequest, { maxBytes: MAX_CHAT_BODY_BYTES });
    if (!body.ok) return refuse(c, body.error);
    const { snapshot, key } = caller.value;
    const tools = readToolChoice(c.req.header("x-gw-tools"), snapshot.tools, key.tools);
    if (!tools.ok) return refuse(c, tools.error);
    const idempotencyKey = readIdempotencyKey(c.req.header("idempotency-key"));
    if (!idempotencyKey.ok) return refuse(c, idempotencyKey.error);
    const options = { tools: tools.value, idempotencyKey: idempotencyKey.value };

    const run = await startAdmitted(c, caller.value, (signal) =>
      startResponse(c.env, caller.value, body.value, options, signal),
    );
    if (!run.ok) return refuse(c, run.error);
    return answerResponse(c, run.value, body.value, snapshot.policy.runs.heartbeat_ms);
  })
  .get("/:id", requireScope("GET", "/v1/responses/:id"), async (c) => {
    const caller = await loadCaller(c);
    if (!caller.ok) return refuse(c, caller.error);
    const response = await readResponse(c.env, caller.value, c.req.param("id"));
    return response.ok ? c.json(shownResponse(response.value)) : refuse(c, response.error);
  })
  .delete("/:id", requireScope("DELETE", "/v1/responses/:id"), async (c) => {
    const caller = await loadCaller(c);
    if (!caller.ok) return refuse(c, caller.error);
    const id = c.req.param("id");
    const erased = await eraseResponse(c.env, caller.value, id);
    return erased.ok ? c.json({ id, object: "response", deleted: true }) : refuse(c, erased.error);
  });

/** Waits for the first event, which decides between an error with a status and an answer; then streams or collects. */
async function answerResponse(
  c: Context<EdgeEnv>,
  run: AdmittedRun<ResponseRunEvent>,
  request: ResponseRequest,
  heartbeatMs: number,
): Promise<Response> {
  const { record } = c.var;
  const fromMs = Date.now();
  const opened = await openResponseStream(run.events);
  record.waitedMs = Date.now() - fromMs;
  if (!opened.ok) return refuse(c, opened.error);
  const events = opened.value;
  if (request.stream === true) {
    return streamAnswer(c, { ...run, events }, events, heartbeatMs, {
      contentType: "text/event-stream",
      encode: responseEventText,
      isLast: isLastResponseEvent,
      unfinished: (isFault) =>
        brokenResponseText({ code: isFault ? "internal" : "cancelled" }, run.id),
      heartbeat: ": keepalive\n\n",
    });
  }
  if (request.background === true) {
    const first = await events.next();
    run.leave();
    const begun = first.done === true ? undefined : first.value.response;
    return begun === undefined ? refuse(c, { code: "cancelled" }) : c.json(shownResponse(begun));
  }
  const response = await lastResponse(events);
  record.waitedMs = Date.now() - fromMs;
  return response.ok ? c.json(shownResponse(response.value)) : refuse(c, response.error);
}
