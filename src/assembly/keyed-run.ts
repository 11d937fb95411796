/**
 * A durable run that somebody waits for: starts or joins it in its `RunJournal` and relays its events. This invocation
 * leaving does not stop the run.
 */

import type { GatewayError } from "../contract/error.ts";
import { platformSignal } from "../platform/abort.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { runObject } from "../tenancy/objects.ts";
import type { StartedRun } from "./execute-order.ts";
import type { RunOrder } from "./run-order.ts";

/** An event with its position in the run's log, counted from 1. */
export interface LoggedEvent<Event> {
  readonly position: number;
  readonly event: Event;
}

/** How often a reader whose run was lost comes back for the rest, and how long it waits before. */
const MAX_RETURNS = 5;
const RETURN_AFTER_MS = 200;

/** The run of this order's id. An id in use with another body, or whose run cannot be taken up, is a failure. */
export async function followKeyedRun<Event extends { readonly type: string }>(
  env: Pick<Env, "ROLE" | "RUN_JOURNAL">,
  order: RunOrder,
  signal: AbortSignal,
): Promise<Result<StartedRun<Event>, GatewayError>> {
  const { runId, snapshot } = order.context;
  const body = JSON.stringify(order);
  const open = (after: number) =>
    runObject(env, snapshot.residency, snapshot.tenantId, runId).fetch(
      `https://run-journal/run?after=${after}`,
      { method: "POST", body, signal: platformSignal(signal) },
    );
  const response = await open(0);
  if (response.status !== 200 || response.body === null) {
    return fail(await response.json<GatewayError>());
  }
  const done = Promise.withResolvers<undefined>();
  signal.addEventListener("abort", () => done.resolve(undefined), { once: true });
  return ok({
    id: runId,
    events: relay<Event>(response.body, open, signal, () => done.resolve(undefined)),
    ended: done.promise.then(() => undefined),
  });
}

/** Types of event after which a run says nothing more. */
const LAST_EVENTS: ReadonlySet<string> = new Set([
  "finished",
  "failed",
  "run.completed",
  "run.failed",
]);

/** True for the event that ends a run of either kind. */
export function isLastEvent(type: string): boolean {
  return LAST_EVENTS.has(type);
}

/**
 * The events to the last one. When the object is lost on the way it is asked again for what comes after the last position
 * seen, which takes the run up; throws when that does not help.
 */
async function* relay<Event extends { readonly type: string }>(
  first: ReadableStream<Uint8Array>,
  open: (after: number) => Promise<Response>,
  signal: AbortSignal,
  onEnd: () => void,
): AsyncGenerator<Event, void, undefined> {
  let body: ReadableStream<Uint8Array> | null = first;
  let seen = 0;
  try {
    for (let returns = 0; ; returns += 1) {
      try {
        for await (const { position, event } of readLines<Event>(body)) {
          seen = position;
          yield event;
          if (isLastEvent(event.type)) return;
        }
      } catch (error) {
        if (signal.aborted) throw error;
      }
      if (returns === MAX_RETURNS || signal.aborted)
        throw new Error("the run was lost before its last event");
      await scheduler.wait(RETURN_AFTER_MS * (returns + 1), { signal: platformSignal(signal) });
      const response = await open(seen).catch(() => null);
      body = response?.status === 200 ? response.body : null;
    }
  } finally {
    onEnd();
  }
}

/** Parses lines of an event behind its position; ends with the bytes, none when there are none. */
export async function* readLines<Event>(
  body: ReadableStream<Uint8Array> | null,
): AsyncGenerator<LoggedEvent<Event>, void, undefined> {
  if (body === null) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (pending + value).split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines) {
        const space = line.indexOf(" ");
        // Written by our own RunJournal.
        const event: Event = JSON.parse(line.slice(space + 1));
        yield { position: Number(line.slice(0, space)), event };
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
