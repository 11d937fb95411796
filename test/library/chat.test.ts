import { describe, expect, it } from "vitest";

import type { ChatEvent, ModelEvent } from "../../src/contract/chat.ts";
import { chat, ChatFailed, memoryTurns } from "../../src/library/chat.ts";
import type { Predictor } from "../../src/orchestration/speculation/predictor.ts";
import { createGuessing } from "../../src/library/guessing.ts";
import { defineTool } from "../../src/library/define-tool.ts";
import type { Provider } from "../../src/library/provider.ts";
import { InvalidCalls } from "../../src/library/run.ts";
import { expectToolCalls } from "../../src/library/testing/expect-tool-calls.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import type { JsonObject } from "../../src/platform/canonical-json.ts";
import { fail, ok } from "../../src/platform/result.ts";
import { call, finish, text } from "../support/chat-scene.ts";

/** A model that says one list of events a turn, and what it was asked. */
function scripted(...turns: readonly (readonly ModelEvent[])[]) {
  const asked: JsonObject[] = [];
  const provider: Provider = async (body) => {
    const turn = turns[asked.length] ?? [text("?"), finish("stop")];
    asked.push(body);
    return ok(
      (async function* say() {
        yield* turn;
      })(),
    );
  };
  return { provider, asked };
}

const REQUEST = { model: "m", messages: [{ role: "user", content: "Hello" }] };

function sleeper(clock: FakeClock, name: string, result: unknown = name) {
  return defineTool({
    name,
    description: name,
    input: { type: "object" },
    effect: "read",
    handler: async (_values, { signal }) => {
      await clock.sleep(100, signal);
      return result;
    },
  });
}

describe("chat", () => {
  it("asks, makes the calls side by side, and asks again", async () => {
    const clock = new FakeClock();
    const tools = [sleeper(clock, "a"), sleeper(clock, "b")];
    const { provider, asked } = scripted(
      [...call(0, "a"), ...call(1, "b"), finish("tool_calls")],
      [text("Done."), finish("stop")],
    );
    const events: ChatEvent[] = [];
    const reading = (async () => {
      for await (const event of chat(REQUEST, { provider, tools, clock })) events.push(event);
    })();
    await clock.runUntil(reading);
    const ended = events.flatMap((event) =>
      event.type === "tool" && event.activity.type === "tool.result" ? [event.activity] : [],
    );
    expectToolCalls(
      ended.map(({ call_id: id, name: tool, t_ms, duration_ms: durationMs = 0 }) => ({
        id,
        tool,
        startedMs: t_ms - durationMs,
        durationMs,
      })),
    )
      .toBe("a", "b")
      .inParallel();
    expect(JSON.stringify(asked[1]?.["messages"])).toContain('"content":"\\"b\\""');
    expect(events.at(-1)).toMatchObject({ type: "finished", summary: { turns: 2, calls: 2 } });
    expect(clock.pending).toBe(0);
  });

  it("gives its end whole: text, usage and reason", async () => {
    const { provider } = scripted([text("Hel"), text("lo."), finish("stop")]);
    const end = await chat(REQUEST, { provider, tools: [] }).end();
    expect(end).toMatchObject({ text: "Hello.", finishReason: "stop", summary: { turns: 1 } });
  });

  it("stops at its bounds and says at which", async () => {
    const clock = new FakeClock();
    const tools = [sleeper(clock, "a")];
    const turn = [...call(0, "a"), finish("tool_calls")];
    const { provider } = scripted(turn, turn, turn);
    const ended = chat(REQUEST, { provider, tools, clock, limits: { maxTurns: 2 } }).end();
    expect((await clock.runUntil(ended)).summary).toMatchObject({
      stopped_by: "max_turns",
      calls: 1,
    });
    expect(() => chat(REQUEST, { provider, tools, limits: { maxTurns: 65 } })).toThrow(
      InvalidCalls,
    );
    expect(() => chat(REQUEST, { provider, tools, limits: { maxCalls: 257 } })).toThrow(
      "/maxCalls",
    );
  });

  it("aborts the model and the calls when it is left", async () => {
    const clock = new FakeClock();
    let aborted = 0;
    const tool = defineTool({
      name: "slow",
      description: "Slow",
      input: { type: "object" },
      effect: "read",
      handler: async (_values, { signal }) => {
        await clock.sleep(60_000, signal);
        if (signal.aborted) aborted += 1;
      },
    });
    const { provider } = scripted([...call(0, "slow"), finish("tool_calls")]);
    const read = async () => {
      for await (const event of chat(REQUEST, { provider, tools: [tool], clock }))
        if (event.type === "tool") break;
    };
    await clock.runUntil(read());
    expect(aborted).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it("fails with the model's error as a value", async () => {
    const provider: Provider = async () => fail({ code: "upstream_unreachable" });
    const failed = await chat(REQUEST, { provider, tools: [] })
      .end()
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(ChatFailed);
    expect(failed).toMatchObject({ error: { code: "upstream_unreachable" } });
    expect(() => chat({ model: "m" }, { provider, tools: [] })).toThrow("/messages");
  });

  it("goes on with a turn that was half the reader's, when both chats share their turns", async () => {
    const clock = new FakeClock();
    const tools = [sleeper(clock, "a")];
    const turns = memoryTurns(() => clock.now());
    const own = { ...REQUEST, tools: [{ type: "function", function: { name: "ask" } }] };
    const { provider, asked } = scripted(
      [...call(0, "a"), ...call(1, "ask"), finish("tool_calls")],
      [text("Both."), finish("stop")],
    );
    let clientId = "";
    const reading = (async () => {
      for await (const event of chat(own, { provider, tools, clock, turns }))
        if (event.type === "client_call") clientId = event.id;
    })();
    await clock.runUntil(reading);
    const tool_calls = [
      { id: clientId, type: "function", function: { name: "ask", arguments: "{}" } },
    ];
    const next = {
      ...own,
      messages: [
        ...own.messages,
        { role: "assistant", content: null, tool_calls },
        { role: "tool", tool_call_id: clientId, content: "yes" },
      ],
    };
    const end = await clock.runUntil(chat(next, { provider, tools, clock, turns }).end());
    expect(end.text).toBe("Both.");
    expect(JSON.stringify(asked[1]?.["messages"])).toContain("yes");
    expect(JSON.stringify(asked[1]?.["messages"])).toContain('\\"a\\"');
    // Without what was kept it cannot go on, and says so.
    const lost = clock.runUntil(chat(next, { provider, tools, clock }).end());
    await expect(lost).rejects.toMatchObject({ error: { code: "turn_expired" } });
    await clock.advance(3_600_000);
    await expect(
      clock.runUntil(chat(next, { provider, tools, clock, turns }).end()),
    ).rejects.toMatchObject({ error: { code: "turn_expired" } });
  });

  it("starts what a predictor foretells, once its budget is earned", async () => {
    const clock = new FakeClock();
    const tools = [sleeper(clock, "a")];
    const isAnswered = ({ messages = null }: JsonObject) =>
      JSON.stringify(messages).includes('"tool"');
    const predictor: Predictor = {
      predict: async (body) => ({
        calls: isAnswered(body) ? [] : [{ name: "a", argumentsJson: "{}" }],
      }),
    };
    const guessing = createGuessing({ budget: 1, predictor });
    const made = [...call(0, "a"), ...call(1, "a", '{"n":1}'), finish("tool_calls")];
    const provider: Provider = async (body) => {
      await clock.sleep(500, new AbortController().signal);
      const turn = isAnswered(body) ? [text("."), finish("stop")] : made;
      return ok(
        (async function* say() {
          yield* turn;
        })(),
      );
    };
    const ask = () => clock.runUntil(chat(REQUEST, { provider, tools, clock, guessing }).end());
    expect((await ask()).summary.speculation).toMatchObject({ hits: 0 });
    expect((await ask()).summary.speculation).toMatchObject({ hits: 1, saved_ms: 100 });
    expect(clock.pending).toBe(0);
    expect(() => createGuessing({ budget: 1.1 })).toThrow(RangeError);
    expect(() => createGuessing({ threshold: 0.04 })).toThrow(RangeError);
  });

  it("offers a search in place of more tools than asked for", async () => {
    const clock = new FakeClock();
    const tools = ["a", "b", "c"].map((name) => sleeper(clock, name));
    const { provider, asked } = scripted([text("."), finish("stop")]);
    await chat(REQUEST, { provider, tools, clock, limits: { toolSearchAbove: 2 } }).end();
    expect(JSON.stringify(asked[0]?.["tools"])).toContain('"tool_search"');
  });

  it("keeps what it cuts from a result, for the model to ask for", async () => {
    const clock = new FakeClock();
    const long = Array.from({ length: 2_000 }, (_, n) => ({ n, name: `item ${n}` }));
    const { provider, asked } = scripted(
      [...call(0, "a"), finish("tool_calls")],
      [text("Cut."), finish("stop")],
    );
    const ended = chat(REQUEST, {
      provider,
      tools: [sleeper(clock, "a", long)],
      clock,
      limits: { maxResultTokens: 300 },
    }).end();
    await clock.runUntil(ended);
    expect(JSON.stringify(asked[1]).length).toBeLessThan(10_000);
    expect(JSON.stringify(asked[1])).toContain("result_query");
  });
});
