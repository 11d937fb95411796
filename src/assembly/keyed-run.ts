/**
 * A run under an idempotency key: starts or joins it in its `RunJournal` and relays its events. This invocation leaving
 * does not stop the run.
 */

import type { GatewayError } from "../contract/error.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { objectStub } from "../regions/jurisdiction.ts";
import type { RunOrder, StartedRun } from "./execute-order.ts";

/** The run of this order's key. A key in use with another body, or whose run was lost, is a failure. */
export async function followKeyedRun<Event extends { readonly type: string }>(
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

/** Types of event after which a run says nothing more. */
const LAST_EVENTS: ReadonlySet<string> = new Set(["finished", "failed", "run.completed"]);

/** True for the event that ends a run of either kind. */
export function isLastEvent(type: string): boolean {
  return LAST_EVENTS.has(type);
}

/** Parses one event a line; throws when the run is lost before its last event. */
async function* readLines<Event extends { readonly type: string }>(
  body: ReadableStream<Uint8Array>,
  onEnd: () => void,
): AsyncGenerator<Event, void, undefined> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  let isWhole = false;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done && !isWhole) throw new Error("the run was lost before its last event");
      if (done) return;
      const lines = (pending + value).split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines) {
        // Written by our own RunJournal, one event a line.
        const event: Event = JSON.parse(line);
        isWhole = isLastEvent(event.type);
        yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
    onEnd();
  }
}
