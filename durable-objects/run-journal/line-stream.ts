/** Lines of a run's log: as bytes for its readers, and back as the events they are. */

import type { EventLog, LoggedLine } from "./event-log.ts";
import type { AnyEvent } from "./replayed-events.ts";

/** Our own line, as an event. */
export function eventOf(line: LoggedLine): AnyEvent {
  const event: AnyEvent = JSON.parse(line.text);
  return event;
}

/** The log as a byte stream of lines, each behind its position; stops following when the reader leaves. */
export function lineStream(
  log: EventLog,
  after: number,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const lines = log.follow(after, signal);
  signal.addEventListener("abort", () => log.nudge(), { once: true });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await lines.next();
        if (next.done === true) controller.close();
        else controller.enqueue(encoder.encode(`${next.value.position} ${next.value.text}\n`));
      },
    },
    // Nothing is read ahead of a slow reader.
    { highWaterMark: 0 },
  );
}
