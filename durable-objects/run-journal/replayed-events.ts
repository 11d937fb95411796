/**
 * A later life of a run says everything again from the beginning; what its readers know already is held back.
 *
 * Events of a call, a branch or the run itself are known by what they are about, because calls may end in another order
 * now; running text is known by how much of it was said, because finished turns are read again word for word. A call whose
 * end was told keeps what was told of it: the run's report repeats it.
 */

import type { ChatEvent } from "../../src/contract/chat.ts";
import type { ResponseRunEvent } from "../../src/contract/response.ts";
import type { CallResult, RunEvent } from "../../src/contract/run.ts";

/** An event of any kind of run. */
export type AnyEvent = RunEvent | ChatEvent | ResponseRunEvent;

export class ReplayedEvents {
  readonly #told = new Set<string>();
  readonly #results = new Map<string, CallResult>();
  #textEvents = 0;

  /** `earlier`: the events that were logged, in order. */
  constructor(earlier: readonly AnyEvent[]) {
    for (const event of earlier) {
      const subject = subjectOf(event);
      if (subject === null) this.#textEvents += 1;
      else this.#told.add(subject);
      if ("result" in event) this.#results.set(event.result.id, event.result);
    }
  }

  /** The event as it is to be logged, or null when it was told before. */
  take(event: AnyEvent): AnyEvent | null {
    if (event.type === "run.completed") return this.#withToldResults(event);
    const subject = subjectOf(event);
    if (subject !== null) return this.#told.has(subject) ? null : event;
    if (this.#textEvents === 0) return event;
    this.#textEvents -= 1;
    return null;
  }

  #withToldResults(event: Extract<RunEvent, { type: "run.completed" }>): RunEvent {
    if (this.#results.size === 0) return event;
    const results = event.report.results.map((result) => this.#results.get(result.id) ?? result);
    return { ...event, report: { ...event.report, results } };
  }
}

/** What the event is about; null for running text. */
function subjectOf(event: AnyEvent): string | null {
  switch (event.type) {
    case "response_begun":
    case "started":
    case "meta":
    case "delta":
    case "client_call":
    case "client_call_arguments":
    case "finished":
    case "failed":
      return null;
    case "call.progress":
    case "gateway_call_progress":
      return `${event.type} ${event.id} ${event.progress.progress}`;
    case "gateway_call":
    case "gateway_call_ended":
      return `${event.type} ${event.id}`;
    case "approval_request":
      return `${event.type} ${event.approvalId}`;
    case "tool":
      return `tool ${event.activity.type} ${event.activity.call_id}`;
    case "call.completed":
    case "call.failed":
    case "call.cancelled":
      return `end ${event.result.id}`;
    case "call.queued":
    case "call.started":
      return `${event.type} ${event.id}`;
    case "run.created":
    case "run.completed":
    case "run.failed":
      break;
  }
  return event.type;
}
