/** Routes of OpenAI's API that pass through to the tenant's upstream: bytes in, bytes out, under the tenant's limits. */

import { Hono, type Context } from "hono";

import { type PassedEvent, startPassThrough } from "../../assembly/pass-through.ts";
import type { GatewayError } from "../../contract/error.ts";
import { PASS_THROUGH, type PassedForm, PassThroughRequest } from "../../contract/pass-through.ts";
import { isJsonObject, type JsonObject } from "../../platform/canonical-json.ts";
import { ok, type Result } from "../../platform/result.ts";
import { startAdmitted, type AdmittedRun } from "../admitted-run.ts";
import { MAX_CHAT_BODY_BYTES, readBody } from "../body.ts";
import { loadCaller } from "../caller.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { reportFault } from "../fault.ts";
import { readForm } from "../form-body.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { refuse } from "../refuse.ts";

/** The routes that pass through. */
export const passThrough = new Hono<EdgeEnv>();

for (const { path, form } of PASS_THROUGH) {
  passThrough.post(path, requireScope("POST", `/v1${path}`), async (c) => {
    const caller = await loadCaller(c);
    if (!caller.ok) return refuse(c, caller.error);
    const body = await readPassed(c.req.raw, form);
    if (!body.ok) return refuse(c, body.error);
    const order = { path, body: body.value };
    const defer = (work: Promise<unknown>) => c.executionCtx.waitUntil(work);
    const run = await startAdmitted(c, caller.value, (signal) =>
      Promise.resolve(ok(startPassThrough(c.env, caller.value, order, defer, signal))),
    );
    return run.ok ? answer(c, run.value) : refuse(c, run.error);
  });
}

async function readPassed(
  request: Request,
  form: PassedForm,
): Promise<Result<JsonObject | FormData, GatewayError>> {
  if (form === "multipart") return readForm(request, MAX_CHAT_BODY_BYTES);
  const body = await readBody(request, PassThroughRequest, { maxBytes: MAX_CHAT_BODY_BYTES });
  return body.ok ? ok(isJsonObject(body.value) ? body.value : {}) : body;
}

/** Waits for the head, which decides between an error with a status and an answer; then hands the bytes on. */
async function answer(c: Context<EdgeEnv>, run: AdmittedRun<PassedEvent>): Promise<Response> {
  const { record } = c.var;
  const fromMs = Date.now();
  const first = await run.events.next();
  record.waitedMs = Date.now() - fromMs;
  if (first.done === true) return refuse(c, { code: "cancelled" });
  if (first.value.type !== "head") {
    return refuse(c, first.value.type === "failed" ? first.value.error : { code: "internal" });
  }
  const { status, contentType } = first.value;
  record.isStream = true;
  return new Response(bytesOf(c, run), { status, headers: { "content-type": contentType } });
}

/** The bytes as they come. An answer that broke off breaks off here too, so that nobody takes it for whole. */
function bytesOf(c: Context<EdgeEnv>, run: AdmittedRun<PassedEvent>): ReadableStream<Uint8Array> {
  const { record } = c.var;
  async function pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const next = await run.events.next();
    if (next.done !== true && next.value.type === "bytes") {
      controller.enqueue(next.value.bytes);
      return;
    }
    const error = next.done === true || next.value.type !== "failed" ? null : next.value.error;
    record.code = error?.code ?? (run.signal.aborted ? "cancelled" : null);
    if (record.code === null) controller.close();
    else controller.error(new Error(record.code));
    record.finish();
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          await pull(controller);
        } catch (fault) {
          reportFault(c, fault);
          controller.error(new Error("internal"));
          record.finish();
        }
      },
      cancel() {
        record.code = "cancelled";
        run.leave();
        record.finish();
      },
    },
    { highWaterMark: 0 },
  );
}
