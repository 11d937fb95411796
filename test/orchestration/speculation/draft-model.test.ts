import { describe, expect, it } from "vitest";

import type { ModelEvent } from "../../../src/contract/chat.ts";
import {
  draftModel,
  MAX_DRAFT_CALLS,
  MAX_DRAFT_LENGTH,
} from "../../../src/orchestration/speculation/draft-model.ts";
import type { JsonObject } from "../../../src/platform/canonical-json.ts";
import { fail, ok } from "../../../src/platform/result.ts";
import { call, finish, text } from "../../support/chat-scene.ts";

const CORK = { name: "weather", argumentsJson: '{"city":"Cork"}' };
const cork = () => call(0, CORK.name, CORK.argumentsJson);

const BODY = { model: "m", messages: [{ role: "user", content: "Hello" }], temperature: 0 };

describe("draftModel", () => {
  /** What it foretells of an answer with these events, what it asked, and whether it left early. */
  async function draft(events: readonly ModelEvent[]) {
    const asked: JsonObject[] = [];
    const state = { left: false };
    async function* say() {
      state.left = true;
      yield* events;
      state.left = false;
    }
    const model = draftModel(async (body) => {
      asked.push(body);
      return ok(say());
    }, "small");
    const prediction = await model.predict(BODY, new AbortController().signal);
    return { asked, prediction, left: state.left };
  }

  it("asks the small model the same, and its calls are what it foretells", async () => {
    const usage = { prompt_tokens: 5, completion_tokens: 2 };
    const { asked, prediction } = await draft([
      text("Let me see."),
      ...cork(),
      ...call(1, "weather", "{}"),
      { type: "usage", usage },
      finish("tool_calls"),
    ]);
    expect(asked).toEqual([
      { ...BODY, model: "small", stream: true, stream_options: { include_usage: true } },
    ]);
    expect(prediction).toEqual({
      calls: [CORK, { name: "weather", argumentsJson: "{}" }],
      usage,
    });
  });

  it("leaves an answer that is too long or calls too much, and takes nothing of one that broke", async () => {
    const long = (length: number) => draft([text("x".repeat(length)), ...cork(), finish("stop")]);
    expect((await long(MAX_DRAFT_LENGTH / 2)).prediction.calls).toHaveLength(1);
    expect(await long(MAX_DRAFT_LENGTH)).toMatchObject({ prediction: { calls: [] }, left: true });
    const many = (count: number) =>
      draft([...Array(count).keys()].flatMap((n) => call(n, "weather", "{}")));
    expect((await many(MAX_DRAFT_CALLS)).prediction.calls).toHaveLength(MAX_DRAFT_CALLS);
    expect(await many(MAX_DRAFT_CALLS + 1)).toMatchObject({
      prediction: { calls: [] },
      left: true,
    });
    const broken = await draft([...cork(), { type: "failed", error: { code: "internal" } }]);
    expect(broken.prediction.calls).toEqual([]);
    const refused = draftModel(
      async () => fail({ code: "model_not_found", model: "small" }),
      "small",
    );
    expect(await refused.predict({}, new AbortController().signal)).toEqual({ calls: [] });
  });
});
