import { describe, expect, it } from "vitest";

import type { ModelEvent } from "../../../src/contract/chat.ts";
import { journalModel } from "../../../src/orchestration/journal/journal-model.ts";
import { ok } from "../../../src/platform/result.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";

const NEVER = new AbortController().signal;
const OPEN = { deadlineAtMs: 10_000, isCancelled: false, now: () => 1_000 };
const FINISHED: readonly ModelEvent[] = [
  { type: "delta", delta: { content: "hi" } },
  { type: "finish", reason: "stop" },
  { type: "usage", usage: { total_tokens: 1 } },
];

/** A model that says these events, and counts how often it is asked. */
function modelOf(events: readonly ModelEvent[]) {
  let asked = 0;
  async function* say() {
    yield* events;
  }
  return {
    asked: () => asked,
    ask: () => {
      asked += 1;
      return Promise.resolve(ok(say()));
    },
  };
}

async function read(
  ask: ReturnType<typeof journalModel>,
  signal: AbortSignal = NEVER,
): Promise<readonly ModelEvent[] | string> {
  const answer = await ask({}, signal);
  if (!answer.ok) return answer.error.code;
  const events: ModelEvent[] = [];
  for await (const event of answer.value) events.push(event);
  return events;
}

describe("journalModel", () => {
  it("keeps a finished turn and reads it again in the next life, without asking", async () => {
    const journal = new MemoryJournal();
    const model = modelOf(FINISHED);
    expect(await read(journalModel(model.ask, journal, OPEN))).toEqual(FINISHED);
    const next = journalModel(model.ask, journal.nextLife(), OPEN);
    expect(await read(next)).toEqual(FINISHED);
    expect(model.asked()).toBe(1);
    expect(await read(next)).toEqual(FINISHED);
    expect(model.asked()).toBe(2);
  });

  it("says that a turn is over only when it is durable", async () => {
    const journal = new MemoryJournal();
    const durable = Promise.withResolvers<void>();
    const slow = Object.assign(journal, { save: () => durable.promise });
    let isOver = false;
    const reading = read(journalModel(modelOf(FINISHED).ask, slow, OPEN)).then((events) => {
      isOver = true;
      return events;
    });
    for (let turns = 0; turns < 200; turns += 1) await Promise.resolve();
    expect(isOver).toBe(false);
    durable.resolve();
    expect(await reading).toEqual(FINISHED);
  });

  it.each<[string, readonly ModelEvent[]]>([
    ["broke", [...FINISHED, { type: "failed", error: { code: "internal" } }]],
    ["never said how it ended", FINISHED.slice(0, 1)],
  ])("asks a turn again that %s", async (_, events) => {
    const journal = new MemoryJournal();
    const model = modelOf(events);
    await read(journalModel(model.ask, journal, OPEN));
    await read(journalModel(model.ask, journal.nextLife(), OPEN));
    expect(model.asked()).toBe(2);
  });

  it("asks a turn again that was left before its end", async () => {
    const journal = new MemoryJournal();
    const model = modelOf(FINISHED);
    const answer = await journalModel(model.ask, journal, OPEN)({}, NEVER);
    if (!answer.ok) throw new Error(answer.error.code);
    for await (const event of answer.value) if (event.type === "delta") break;
    expect(journal.turns.size).toBe(0);
    expect(journal.begun).toEqual([1]);
  });

  it("has been left only when the model's stream has", async () => {
    const left = Promise.withResolvers<void>();
    async function* stream(): AsyncGenerator<ModelEvent> {
      try {
        yield* FINISHED;
      } finally {
        await left.promise;
      }
    }
    const ask = () => Promise.resolve(ok(stream()));
    const answer = await journalModel(ask, new MemoryJournal(), OPEN)({}, NEVER);
    if (!answer.ok) throw new Error(answer.error.code);
    const iterator = answer.value[Symbol.asyncIterator]();
    await iterator.next();
    let isLeft = false;
    const leave = async (): Promise<void> => {
      await iterator.return?.();
      isLeft = true;
    };
    const leaving = leave();
    for (let turns = 0; turns < 20; turns += 1) await Promise.resolve();
    expect(isLeft).toBe(false);
    left.resolve();
    await leaving;
    expect(isLeft).toBe(true);
  });

  it("asks nobody after the deadline and waits for the run's own stop", async () => {
    const model = modelOf(FINISHED);
    const late = { ...OPEN, now: () => 10_000 };
    const stop = new AbortController();
    let isAnswered = false;
    const answer = read(journalModel(model.ask, new MemoryJournal(), late), stop.signal).then(
      (said) => {
        isAnswered = true;
        return said;
      },
    );
    for (let turns = 0; turns < 20; turns += 1) await Promise.resolve();
    expect(isAnswered).toBe(false);
    stop.abort();
    expect(await answer).toBe("deadline_exceeded");
    expect(model.asked()).toBe(0);
  });

  it("waits for no stop after the deadline when the run has been stopped already", async () => {
    const late = { ...OPEN, now: () => 10_000 };
    const ask = journalModel(modelOf(FINISHED).ask, new MemoryJournal(), late);
    let said: unknown = null;
    void read(ask, AbortSignal.abort()).then((answer) => (said = answer));
    for (let turns = 0; turns < 200; turns += 1) await Promise.resolve();
    expect(said).toBe("deadline_exceeded");
  });
});
