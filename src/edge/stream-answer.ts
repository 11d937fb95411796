/** Answers a request with a run's events as they come, and closes the request's record when the last byte is out. */

import type { Context } from "hono";

import type { AdmittedRun } from "./admitted-run.ts";
import type { EdgeEnv } from "./edge-env.ts";
import { eventStream, type EventStreamOptions } from "./event-stream.ts";
import { reportFault } from "./fault.ts";

/** What is special about one kind of stream. */
export type StreamFormat<E> = Pick<
  EventStreamOptions<E>,
  "encode" | "isLast" | "unfinished" | "heartbeat"
> & { readonly contentType: string };

/** Keeps caches and compressing proxies from holding events back. */
const STREAM_HEADERS = { "cache-control": "no-store, no-transform", "x-accel-buffering": "no" };

/** The streaming answer of `run`. */
export function streamAnswer<E>(
  c: Context<EdgeEnv>,
  run: AdmittedRun<E>,
  events: AsyncIterator<E>,
  heartbeatMs: number,
  format: StreamFormat<E>,
): Response {
  const { record } = c.var;
  record.isStream = true;
  const { contentType, ...options } = format;
  const body = eventStream(events, {
    ...options,
    heartbeatMs,
    signal: run.signal,
    stop: () => {
      record.code = "cancelled";
      run.leave();
    },
    failed: (fault) => {
      run.leave();
      reportFault(c, fault);
    },
    ended: () => record.finish(),
  });
  return new Response(body, { headers: { ...STREAM_HEADERS, "content-type": contentType } });
}
