/**
 * Finished model turns are kept with the run, so a life that begins after a crash reads them again instead of asking: the
 * same turns give the same calls, and those are answered from their own log. A turn that had not finished is asked again.
 *
 * A turn is kept before its last event is handed on, so no call of it is made before it is kept. After the deadline no
 * model is asked; the run's own stop then ends it with what it has.
 */

import type { ModelEvent } from "../../contract/chat.ts";
import type { ModelTurnJournal } from "../../contract/run-log.ts";
import { fail, ok } from "../../platform/result.ts";
import type { ChatPorts } from "../ports.ts";
import type { RunBounds } from "./journal-calls.ts";

/** `askModel` over a journal of the run's turns. */
export function journalModel(
  askModel: ChatPorts["askModel"],
  journal: ModelTurnJournal,
  bounds: RunBounds,
): ChatPorts["askModel"] {
  let asked = 0;
  return async (body, signal) => {
    asked += 1;
    const turn = asked;
    const kept = await journal.find(turn);
    if (kept !== null) return ok(replay(kept));
    if (bounds.now() >= bounds.deadlineAtMs) {
      await aborted(signal);
      return fail({ code: "deadline_exceeded" });
    }
    await journal.begin(turn);
    const answer = await askModel(body, signal);
    return answer.ok ? ok(keeping(answer.value, (events) => journal.save(turn, events))) : answer;
  };
}

async function* replay(events: readonly ModelEvent[]): AsyncGenerator<ModelEvent> {
  yield* events;
}

/** The same events; before the end of a turn that finished they are saved. Leaving it leaves `events` at once. */
function keeping(
  events: AsyncIterable<ModelEvent>,
  save: (events: readonly ModelEvent[]) => Promise<void>,
): AsyncIterable<ModelEvent> {
  const all: ModelEvent[] = [];
  const iterator = events[Symbol.asyncIterator]();
  let isFinished = false;
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const next = await iterator.next();
        if (next.done === true) {
          if (isFinished) await save(all);
          return { done: true, value: undefined };
        }
        all.push(next.value);
        if (next.value.type === "finish") isFinished = true;
        if (next.value.type === "failed") isFinished = false;
        return next;
      },
      async return() {
        await iterator.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
