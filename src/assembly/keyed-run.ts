/**
 * A run under an idempotency key: starts or joins it in its `RunJournal` and relays its events. This invocation leaving
 * does not stop the run.
 */

import type { GatewayError } from "../contract/error.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { objectStub } from "../regions/jurisdiction.ts";
import type { RunOrder, StartedRun } from "./execute-order.ts";

/** The run of this order's key. A key in use with another body, or whose run was lost, is a failure. */
export async function followKeyedRun<Event>(
  env: Pick<Env, "ROLE" | "RUN_JOURNAL">,
  order: RunOrder,
  signal: AbortSignal,
): Promise<Result<StartedRun<Event>, GatewayError>> {
  const { runId, snapshot } = order.context;
  const name = `${snapshot.tenantId}/run/${runId}`;
  const journal = objectStub(env, env.RUN_JOURNAL, snapshot.residency, name);
  const response = await journal.fetch("https://run-journal/", {
    method: "POST",
    body: JSON.stringify(order),
    signal,
  });
  if (response.status !== 200 || response.body === null) {
    return fail(await response.json<GatewayError>());
  }
  const done = Promise.withResolvers<undefined>();
  signal.addEventListener("abort", () => done.resolve(undefined), { once: true });
  return ok({
    id: runId,
    events: readLines<Event>(response.body, () => done.resolve(undefined)),
    ended: done.promise.then(() => undefined),
  });
}

/** Parses one event a line; throws when the object is lost before the run's last event. */
async function* readLines<Event>(
  body: ReadableStream<Uint8Array>,
  onEnd: () => void,
): AsyncGenerator<Event, void, undefined> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (pending + value).split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines) {
        // Written by our own RunJournal, one event a line.
        const event: Event = JSON.parse(line);
        yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
    onEnd();
  }
}
