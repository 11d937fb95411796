/** `POST /v1/runs` and `POST /v1/runs/{id}/cancel`: a batch of tool calls without a model. */

import { Hono } from "hono";

import { cancelRun, startRun } from "../../assembly/start-run.ts";
import type { GatewayError, Violation } from "../../contract/error.ts";
import type { Policy } from "../../contract/policy.ts";
import { RunCancel, RunRequest, type RunEvent, type RunPart } from "../../contract/run.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { startAdmitted, type AdmittedRun } from "../admitted-run.ts";
import { readBody } from "../body.ts";
import { loadCaller } from "../caller.ts";
import type { EdgeEnv, RequestRecord } from "../edge-env.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { refuse } from "../refuse.ts";
import { createSseEncoder, ndjsonLine, runAnswer } from "../run-answer.ts";
import { readIdempotencyKey } from "../run-headers.ts";
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

    const run = await startAdmitted(c, caller.value, (signal) =>
      startRun(c.env, caller.value, request, options, signal),
    );
    if (!run.ok) return refuse(c, run.error);
    if (request.stream) {
      const format = streamFormat(run.value.id, c.req.header("accept"));
      return streamAnswer(c, run.value, run.value.events, policy.runs.heartbeat_ms, format);
    }
    const answer = await finishedRun(run.value, c.var.record);
    if (!answer.ok) return refuse(c, answer.error);
    return new Response(answer.value, { headers: { "content-type": "application/json" } });
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
  return violations.length === 0 ? ok(null) : fail({ code: "unprocessable", violations });
}

/** The answer of a run that is not streamed, once its last call has ended. */
async function finishedRun(
  { events }: AdmittedRun<RunEvent>,
  record: RequestRecord,
): Promise<Result<string, GatewayError>> {
  const fromMs = Date.now();
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    if (next.value.type === "run.completed") {
      record.waitedMs = Date.now() - fromMs;
      return ok(runAnswer(next.value.report));
    }
  }
  return fail({ code: "cancelled" });
}

/** A stream that was lost on the way ends with `run.failed`, never in silence. */
function streamFormat(runId: string, accept = ""): StreamFormat<RunEvent> {
  const lost = (isFault: boolean) =>
    JSON.stringify({ type: "run.failed", id: runId, code: isFault ? "internal" : "cancelled" });
  return accept.includes("application/x-ndjson")
    ? {
        contentType: "application/x-ndjson",
        encode: ndjsonLine,
        isLast,
        unfinished: (isFault) => `${lost(isFault)}\n`,
        heartbeat: "\n",
      }
    : {
        contentType: "text/event-stream",
        encode: createSseEncoder(),
        isLast,
        unfinished: (isFault) => `event: run.failed\ndata: ${lost(isFault)}\n\n`,
        heartbeat: ": keepalive\n\n",
      };
}

function isLast(event: RunEvent): boolean {
  return event.type === "run.completed";
}
