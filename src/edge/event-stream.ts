/**
 * A streamed answer: events in, bytes out, with heartbeats and back-pressure.
 *
 * The source is asked for its next event only when the client has taken the last one, so a slow reader slows the run. A
 * heartbeat is written whenever nothing was written for a while: proxies keep the connection, and on some runtimes the
 * next write is the only way to learn that the client has left. However the stream ends (source done, client gone,
 * source broken), `ended` is called exactly once; when the client is gone, `stop` is called at once before it.
 */

/** How one stream is written. */
export interface EventStreamOptions<E> {
  /** The wire text of one event; `""` writes nothing and does not count as a sign of life. */
  encode(this: void, event: E): string;
  /** What to write when the source ends without an event that `isLast`: something stopped it, or it has a bug. */
  unfinished(this: void, isFault: boolean): string;
  /** True for the event after which a stream is whole. */
  isLast(this: void, event: E): boolean;
  /** What to write when nothing was written for `heartbeatMs`. */
  readonly heartbeat: string;
  readonly heartbeatMs: number;
  /** Aborts when the client is known to have left. */
  readonly signal: AbortSignal;
  /** Stops the source; called when the client leaves. */
  stop(this: void): void;
  /** A bug in the source: told here, because the headers are long gone; the stream ends with `unfinished`. */
  failed(this: void, fault: unknown): void;
  /** The stream is over, whichever way. */
  ended(this: void): void;
}

const encoder = new TextEncoder();

/** The bytes of `events`. Whoever reads them owns the source: cancelling the stream stops it. */
export function eventStream<E>(
  events: AsyncIterator<E>,
  options: EventStreamOptions<E>,
): ReadableStream<Uint8Array> {
  let pending: Promise<IteratorResult<E, unknown>> | null = null;
  let isWhole = false;
  let isOver = false;
  let writtenMs = Date.now();

  function end(): void {
    if (isOver) return;
    isOver = true;
    options.signal.removeEventListener("abort", onAbort);
    options.ended();
  }
  function leave(): void {
    if (isOver) return;
    options.stop();
    end();
  }
  /** The next text to write; null when the source has ended. */
  async function nextText(): Promise<string | null> {
    for (;;) {
      pending ??= events.next();
      const next = await withinMs(pending, options.heartbeatMs - (Date.now() - writtenMs));
      if (next === "late") return options.heartbeat;
      pending = null;
      if (next.done === true) return null;
      isWhole = options.isLast(next.value);
      const text = options.encode(next.value);
      if (text !== "") return text;
    }
  }
  async function write(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const text = await nextText();
    if (isOver) return;
    writtenMs = Date.now();
    if (text !== null) return controller.enqueue(encoder.encode(text));
    close(controller, isWhole ? "" : options.unfinished(false));
  }
  function close(controller: ReadableStreamDefaultController<Uint8Array>, lastText: string): void {
    if (lastText !== "") controller.enqueue(encoder.encode(lastText));
    controller.close();
    end();
  }

  let onAbort = leave;
  const source: UnderlyingSource<Uint8Array> = {
    start: (controller) => {
      onAbort = () => {
        leave();
        controller.close();
      };
      if (options.signal.aborted) onAbort();
      else options.signal.addEventListener("abort", onAbort);
    },
    pull: async (controller) => {
      try {
        await write(controller);
      } catch (fault) {
        if (isOver) return;
        options.failed(fault);
        close(controller, options.unfinished(true));
      }
    },
    cancel: leave,
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

/** The value of `promise`, or "late" when it takes longer than `ms`. The promise goes on and may be asked again. */
async function withinMs<T>(promise: Promise<T>, ms: number): Promise<T | "late"> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), Math.max(0, ms));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
