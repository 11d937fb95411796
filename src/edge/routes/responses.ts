/** `/v1/responses`: OpenAI's Responses API, with the tenant's tools as items of the answer. */

import { Hono, type Context } from "hono";

import { responseIdOf, runIdOfResponse } from "../../assembly/response-store.ts";
import {
  cancelRun,
  startResponse,
  startResponseInBackground,
  type ChatOptions,
  type RunCaller,
} from "../../assembly/start-run.ts";
import { eraseResponse, followResponse, readResponse } from "../../assembly/stored-responses.ts";
import type { GatewayError } from "../../contract/error.ts";
import {
  ResponseRequest,
  type ResponseEvent,
  type ResponseRunEvent,
} from "../../contract/response.ts";
import { Abort } from "../../platform/abort.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { startAdmitted, startInBackground, type AdmittedRun } from "../admitted-run.ts";
import { loadCaller } from "../caller.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { readModelRequest } from "../model-request.ts";
import { refuse } from "../refuse.ts";
import {
  brokenResponseText,
  isLastResponseEvent,
  lastResponse,
  openResponseStream,
  responseEventText,
  shownResponse,
} from "../response-wire.ts";
import { streamAnswer, type StreamFormat } from "../stream-answer.ts";

/** Routes of responses. */
export const responses = new Hono<EdgeEnv>()
  .post("/", requireScope("POST", "/v1/responses"), async (c) => {
    const read = await readModelRequest(c, ResponseRequest);
    if (!read.ok) return refuse(c, read.error);
    const { caller, body, tools, idempotencyKey } = read.value;
    const options = { tools, idempotencyKey };

    if (body.background === true) return answerInBackground(c, caller, body, options);
    const run = await startAdmitted(c, caller, (signal) =>
      startResponse(c.env, caller, body, options, signal),
    );
    if (!run.ok) return refuse(c, run.error);
    return answerResponse(c, run.value, body, caller.snapshot.policy.runs.heartbeat_ms);
  })
  .get("/:id", requireScope("GET", "/v1/responses/:id"), async (c) => {
    const caller = await loadCaller(c);
    if (!caller.ok) return refuse(c, caller.error);
    const id = c.req.param("id");
    if (c.req.query("stream") === "true") {
      const after = readStartingAfter(c.req.query("starting_after"));
      return after.ok ? followAnswer(c, caller.value, id, after.value) : refuse(c, after.error);
    }
    const response = await readResponse(c.env, caller.value, id);
    return response.ok ? c.json(shownResponse(response.value)) : refuse(c, response.error);
  })
  .post("/:id/cancel", requireScope("POST", "/v1/responses/:id/cancel"), async (c) => {
    const caller = await loadCaller(c);
    if (!caller.ok) return refuse(c, caller.error);
    const id = c.req.param("id");
    const response = await readResponse(c.env, caller.value, id);
    if (!response.ok) return refuse(c, response.error);
    if (response.value.status !== "in_progress") return c.json(shownResponse(response.value));
    const cancelled = await cancelRun(c.env, caller.value, runIdOfResponse(id), null);
    if (!cancelled.ok) return refuse(c, cancelled.error);
    const signal = AbortSignal.timeout(CANCEL_LIMIT_MS);
    const followed = await followResponse(c.env, caller.value, id, signal);
    if (!followed.ok) return refuse(c, followed.error);
    const opened = await openResponseStream(followed.value);
    const last = opened.ok ? await lastResponse(opened.value) : opened;
    return last.ok ? c.json(shownResponse(last.value)) : refuse(c, last.error);
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
    return streamAnswer(c, { ...run, events }, events, heartbeatMs, streamFormat(run.id));
  }
  const response = await lastResponse(events);
  record.waitedMs = Date.now() - fromMs;
  return response.ok ? c.json(shownResponse(response.value)) : refuse(c, response.error);
}

/** How long a cancel waits for the response to end. */
const CANCEL_LIMIT_MS = 5_000;

/** Starts the response and answers with its first event, or follows it; either way it goes on by itself. */
async function answerInBackground(
  c: Context<EdgeEnv>,
  caller: RunCaller,
  request: ResponseRequest,
  options: Pick<ChatOptions, "tools" | "idempotencyKey">,
): Promise<Response> {
  const started = await startInBackground(c, caller, (permit) =>
    startResponseInBackground(c.env, caller, request, { ...options, permit }),
  );
  if (!started.ok) return refuse(c, started.error);
  const runId = started.value.view.id;
  c.var.record.runId = runId;
  if (request.stream === true) return followAnswer(c, caller, responseIdOf(runId), -1);
  const left = new Abort();
  const followed = await followResponse(c.env, caller, responseIdOf(runId), left.signal);
  if (!followed.ok) return refuse(c, followed.error);
  const opened = await openResponseStream(followed.value);
  const first = opened.ok ? await opened.value.next() : null;
  left.abort();
  if (!opened.ok) return refuse(c, opened.error);
  const begun = first === null || first.done === true ? undefined : first.value.response;
  return begun === undefined ? refuse(c, { code: "internal" }) : c.json(shownResponse(begun));
}

/** The stream of a response from behind the event numbered `after` on. */
async function followAnswer(
  c: Context<EdgeEnv>,
  caller: RunCaller,
  id: string,
  after: number,
): Promise<Response> {
  const clientSignal = c.req.raw.signal;
  const left = new Abort().follow(clientSignal);
  const followed = await followResponse(c.env, caller, id, left.signal);
  if (!followed.ok) return refuse(c, followed.error);
  const opened = await openResponseStream(followed.value);
  if (!opened.ok) return refuse(c, opened.error);
  const events = opened.value;
  const run = { id, events, signal: clientSignal, leave: () => left.abort() };
  return streamAnswer(c, run, events, caller.snapshot.policy.runs.heartbeat_ms, {
    ...streamFormat(id),
    encode: (event) => (event.sequence_number > after ? responseEventText(event) : ""),
  });
}

/** The number of the last event the client has; -1 when it has none. */
function readStartingAfter(query: string | undefined): Result<number, GatewayError> {
  if (query === undefined || query === "") return ok(-1);
  if (/^\d{1,9}$/.test(query)) return ok(Number(query));
  const message = "Must be the sequence_number of an event.";
  return fail({
    code: "validation_failed",
    violations: [{ pointer: "/starting_after", message }],
  });
}

function streamFormat(runId: string): StreamFormat<ResponseEvent> {
  return {
    contentType: "text/event-stream",
    encode: responseEventText,
    isLast: isLastResponseEvent,
    unfinished: (isFault) =>
      brokenResponseText({ code: isFault ? "internal" : "cancelled" }, runId),
    heartbeat: ": keepalive\n\n",
  };
}
