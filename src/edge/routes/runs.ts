/** `/v1/runs`: a batch of tool calls without a model; started, followed, read, listed, cancelled, forgotten. */

import { Hono, type Context } from "hono";

import { cancelRun, startRun, startRunInBackground } from "../../assembly/start-run.ts";
import type { LoggedEvent } from "../../assembly/keyed-run.ts";
import {
  eraseStoredRun,
  followStoredRun,
  listStoredRuns,
  readStoredRun,
} from "../../assembly/stored-runs.ts";
import type { GatewayError, Violation } from "../../contract/error.ts";
import type { Policy } from "../../contract/policy.ts";
import { RunCancel, RunRequest, type RunEvent, type RunPart } from "../../contract/run.ts";
import { Abort } from "../../platform/abort.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { startAdmitted, startInBackground, type AdmittedRun } from "../admitted-run.ts";
import { readBody } from "../body.ts";
import { loadCaller } from "../caller.ts";
import type { EdgeEnv, RequestRecord } from "../edge-env.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { readPageQuery } from "../paging.ts";
import { refuse } from "../refuse.ts";
import { createSseEncoder, ndjsonLine, runAnswer, sseEvent } from "../run-answer.ts";
import { readIdempotencyKey, readLastEventId } from "../run-headers.ts";
import { streamAnswer, type StreamFormat } from "../stream-answer.ts";

/** Routes of runs. */
export const runs = new Hono<EdgeEnv>()
  .post("/", requireScope("POST", "/v1/runs"), async (c) => {
    const caller = await loadCaller(c);
    if (!caller.ok) return refuse(c, caller.error);
    const body = await readBody(c.req.raw, RunRequest, { isTooBigUnprocessable: true });
    if (!body.ok) return refuse(c, body.error);
    const request = body.value;
    const { policy } = caller.value.snapshot;
    const allowed = checkPolicy(request, policy);
    if (!allowed.ok) return refuse(c, allowed.error);
    const idempotencyKey = readIdempotencyKey(c.req.header("idempotency-key"));
    if (!idempotencyKey.ok) return refuse(c, idempotencyKey.error);
    const options = { idempotencyKey: idempotencyKey.value };

    if (request.background === true) {
      const started = await startInBackground(c, caller.value, (permit) =>
        startRunInBackground(c.env, caller.value, request, { ...options, permit }),
      );
      if (!started.ok) return refuse(c, started.error);
      c.var.record.runId = started.value.view.id;
      return c.json(started.value.view, 202);
    }
    const run = await startAdmitted(c, caller.value, (signal) =>
      startRun(c.env, caller.value, request, options, signal),
    );
    if (!run.ok) return refuse(c, run.error);
    const told = debugged(c, request, policy);
    if (request.stream) {
      const sse = createSseEncoder();
      const encode = (event: RunEvent) => sse(told(event));
      const format = streamFormat(run.value.id, c.req.header("accept"), encode, told);
      return streamAnswer(c, run.value, run.value.events, policy.runs.heartbeat_ms, format);
    }
    const answer = await finishedRun(run.value, told, c.var.record);
    if (!answer.ok) return refuse(c, answer.error);
    return new Response(answer.value, { headers: { "content-type": "application/json" } });
  })
  .get("/", requireScope("GET", "/v1/runs"), async (c) => {
    const caller = await loadCaller(c);
    if (!caller.ok) return refuse(c, caller.error);
    const query = readPageQuery(c);
    if (!query.ok) return refuse(c, query.error);
    const page = await listStoredRuns(c.env, caller.value, query.value);
    return page.ok ? c.json(page.value) : refuse(c, page.error);
  })
  .get("/:id", requireScope("GET", "/v1/runs/:id"), async (c) => {
    const caller = await loadCaller(c);
    if (!caller.ok) return refuse(c, caller.error);
    const run = await readStoredRun(c.env, caller.value, c.req.param("id"));
    if (!run.ok) return refuse(c, run.error);
    const { view, end } = run.value;
    if (end?.type !== "run.completed") return c.json(view);
    return new Response(runAnswer(end.report), { headers: { "content-type": "application/json" } });
  })
  .delete("/:id", requireScope("DELETE", "/v1/runs/:id"), async (c) => {
    const caller = await loadCaller(c);
    if (!caller.ok) return refuse(c, caller.error);
    const erased = await eraseStoredRun(c.env, caller.value, c.req.param("id"));
    return erased.ok ? c.body(null, 204) : refuse(c, erased.error);
  })
  .get("/:id/events", requireScope("GET", "/v1/runs/:id/events"), async (c) => {
    const caller = await loadCaller(c);
    if (!caller.ok) return refuse(c, caller.error);
    const after = readLastEventId(c.req.header("last-event-id"));
    if (!after.ok) return refuse(c, after.error);
    const id = c.req.param("id");
    const left = new Abort().follow(c.req.raw.signal);
    const { signal } = left;
    const followed = await followStoredRun<RunEvent>(
      c.env,
      caller.value,
      id,
      "run",
      after.value,
      signal,
    );
    if (!followed.ok) return refuse(c, followed.error);
    const { events, hasEnded } = followed.value;
    const follower = {
      id,
      events: events[Symbol.asyncIterator](),
      signal: c.req.raw.signal,
      leave: () => left.abort(),
    };
    const format = streamFormat(id, c.req.header("accept"), encodeLogged, ({ event }) => event);
    // Behind the last event of a run that has ended there is nothing, and that is the whole of it.
    const unfinished = (isFault: boolean) =>
      hasEnded && !isFault ? "" : format.unfinished(isFault);
    const { heartbeat_ms } = caller.value.snapshot.policy.runs;
    return streamAnswer(c, follower, follower.events, heartbeat_ms, { ...format, unfinished });
  })
  .post("/:id/cancel", requireScope("POST", "/v1/runs/:id/cancel"), async (c) => {
    const caller = await loadCaller(c);
    if (!caller.ok) return refuse(c, caller.error);
    const body = await readBody(c.req.raw, RunCancel, { isOptional: true });
    if (!body.ok) return refuse(c, body.error);
    const id = c.req.param("id");
    const part = cancelledPart(body.value);
    if (!part.ok) return refuse(c, part.error);
    const cancelled = await cancelRun(c.env, caller.value, id, part.value);
    if (!cancelled.ok) return refuse(c, cancelled.error);
    const { reset = false, ...named } = body.value;
    return c.json({ id, object: "run", ...named, status: reset ? "reset" : "cancelled" });
  });

/** What is to be cancelled; null for the whole run. */
function cancelledPart({ branch, call, reset }: RunCancel): Result<RunPart | null, GatewayError> {
  if (branch !== undefined && call !== undefined)
    return unprocessable("/call", "Name a branch or a call.");
  if (reset !== undefined && branch === undefined)
    return unprocessable("/reset", "Only the cancel of a branch can be taken back.");
  if (call !== undefined) return ok({ call });
  return ok(branch === undefined ? null : { branch, reset: reset ?? false });
}

function unprocessable(pointer: string, message: string): Result<never, GatewayError> {
  return fail({ code: "unprocessable", violations: [{ pointer, message }] });
}

/** What a request may not ask for under this policy. */
function checkPolicy(request: RunRequest, { runs: bounds }: Policy): Result<null, GatewayError> {
  const asked = [
    { pointer: "/calls", value: request.calls.length, most: bounds.max_calls },
    { pointer: "/max_parallel", value: request.max_parallel ?? 0, most: bounds.max_parallel },
    { pointer: "/deadline_ms", value: request.deadline_ms ?? 0, most: bounds.deadline_ms },
  ];
  const violations: Violation[] = asked
    .filter(({ value, most }) => value > most)
    .map(({ pointer, most }) => ({
      pointer,
      message: `The policy allows at most ${String(most)}.`,
    }));
  if (request.background === true && request.stream) {
    const message = "A run in the background is followed at /v1/runs/{id}/events.";
    violations.push({ pointer: "/stream", message });
  }
  return violations.length === 0 ? ok(null) : fail({ code: "unprocessable", violations });
}

/** A run's events as this request asked for them: with `x-gw-debug: 1` its report says where it was admitted, and its limits. */
function debugged(
  c: Context<EdgeEnv>,
  request: RunRequest,
  { runs: bounds }: Policy,
): (event: RunEvent) => RunEvent {
  if (c.req.header("x-gw-debug") !== "1") return (event) => event;
  const { max_parallel = bounds.max_parallel, deadline_ms = bounds.deadline_ms } = request;
  const debug = { region: c.env.REGION, limits: { max_parallel, deadline_ms } };
  return (event) =>
    event.type === "run.completed" ? { ...event, report: { ...event.report, debug } } : event;
}

/** The answer of a run that is not streamed, once its last call has ended. */
async function finishedRun(
  { events }: AdmittedRun<RunEvent>,
  told: (event: RunEvent) => RunEvent,
  record: RequestRecord,
): Promise<Result<string, GatewayError>> {
  const fromMs = Date.now();
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    const event = told(next.value);
    if (event.type === "run.completed") {
      record.waitedMs = Date.now() - fromMs;
      return ok(runAnswer(event.report));
    }
  }
  return fail({ code: "cancelled" });
}

function encodeLogged({ position, event }: LoggedEvent<RunEvent>): string {
  return sseEvent(position, event);
}

/** SSE or NDJSON by what the client accepts. A stream that was lost on the way ends with `run.failed`, never in silence. */
function streamFormat<E>(
  runId: string,
  accept: string | undefined,
  sse: (item: E) => string,
  eventOf: (item: E) => RunEvent,
): StreamFormat<E> {
  const lost = (isFault: boolean) =>
    JSON.stringify({ type: "run.failed", id: runId, code: isFault ? "internal" : "cancelled" });
  const isLast = (item: E) => {
    const { type } = eventOf(item);
    return type === "run.completed" || type === "run.failed";
  };
  return accept?.includes("application/x-ndjson") === true
    ? {
        contentType: "application/x-ndjson",
        encode: (item) => ndjsonLine(eventOf(item)),
        isLast,
        unfinished: (isFault) => `${lost(isFault)}\n`,
        heartbeat: "\n",
      }
    : {
        contentType: "text/event-stream",
        encode: sse,
        isLast,
        unfinished: (isFault) => `event: run.failed\ndata: ${lost(isFault)}\n\n`,
        heartbeat: ": keepalive\n\n",
      };
}
