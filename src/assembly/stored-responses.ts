/**
 * Kept responses as the edge reads, follows, cancels and deletes them. The response itself is in its `Conversation`; how it
 * was made, for those in the background or under an idempotency key, is in the `RunJournal` of its run for a day.
 */

import type { GatewayError } from "../contract/error.ts";
import type { ResponseObject, ResponseRunEvent } from "../contract/response.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { isResponseId, responseStore, runIdOfResponse } from "./response-store.ts";
import type { RunCaller } from "./run-context.ts";
import { eraseStoredRun, followStoredRun, readStoredRun } from "./stored-runs.ts";

/**
 * The response as it is now. One whose run is gone without an end was interrupted; asking for one that was lost takes it
 * up again.
 */
export async function readResponse(
  env: Env,
  caller: RunCaller,
  id: string,
): Promise<Result<ResponseObject, GatewayError>> {
  const store = responseStore(env, caller.snapshot);
  const response = (await store.load(id))?.response;
  if (response === undefined) return fail({ code: "not_found" });
  if (response.status !== "in_progress") return ok(response);
  const run = runIdOfResponse(id);
  const found = await readStoredRun(env, caller, run);
  if (found.ok && found.value.view.ended_at === null) return ok(response);
  // Between the two questions it may have ended.
  const ended = (await store.load(id))?.response ?? response;
  return ended.status === "in_progress"
    ? ok({ ...ended, status: "failed", error: { code: "run_interrupted", run } })
    : ok(ended);
}

/** What the run of a response said and says, from its beginning; leaving it leaves the run alone. */
export async function followResponse(
  env: Env,
  caller: RunCaller,
  id: string,
  signal: AbortSignal,
): Promise<Result<AsyncIterator<ResponseRunEvent>, GatewayError>> {
  if (!isResponseId(id)) return fail({ code: "not_found" });
  const run = runIdOfResponse(id);
  const followed = await followStoredRun<ResponseRunEvent>(env, caller, run, "response", 0, signal);
  if (followed.ok) return ok(withoutPositions(followed.value.events));
  const isKept = (await responseStore(env, caller.snapshot).load(id)) !== null;
  if (!isKept) return followed;
  const message = "Only a response in the background can be streamed again, for a day.";
  return fail({ code: "validation_failed", violations: [{ pointer: "/stream", message }] });
}

/** Forgets the response and how it was made; one that goes on is stopped. */
export async function eraseResponse(
  env: Env,
  caller: RunCaller,
  id: string,
): Promise<Result<null, GatewayError>> {
  if (!isResponseId(id)) return fail({ code: "not_found" });
  const run = await eraseStoredRun(env, caller, runIdOfResponse(id));
  const isErased = await responseStore(env, caller.snapshot).erase(id);
  return isErased || run.ok ? ok(null) : fail({ code: "not_found" });
}

async function* withoutPositions<Event>(
  events: AsyncIterable<{ readonly event: Event }>,
): AsyncGenerator<Event, void, undefined> {
  for await (const { event } of events) yield event;
}
