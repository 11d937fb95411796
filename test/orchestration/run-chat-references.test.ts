/** The model loop with references: dependent calls in one turn, what the model sees, and what comes back when they are wrong. */

import { describe, expect, it } from "vitest";

import { REFERENCE_INSTRUCTION } from "../../src/orchestration/plan/instruct-model.ts";
import { isJsonArray, type JsonObject } from "../../src/platform/canonical-json.ts";
import {
  call,
  calls,
  ChatScene,
  type ChatSetup,
  finish,
  request,
  says,
} from "../support/chat-scene.ts";
import { succeeded } from "../support/fake-lanes.ts";

/** A scene whose tools take references; each call gives back its arguments and its id. */
function scene(setup: ChatSetup): ChatScene {
  return new ChatScene({
    references: true,
    tool: (planned) => ({
      durationMs: 100,
      outcome: succeeded({ got: planned.arguments, by: planned.id }),
    }),
    ...setup,
  });
}

const LABELLED = call(0, "weather", '{"city":"Rome","gw_label":"w"}', "m1");

describe("a turn with references", () => {
  it("runs as a dataflow: the needed call first, its value in the other's arguments", async () => {
    const chat = scene({
      model: [
        calls(call(1, "shop_buy", '{"where":{"$ref":"w#/got/city"},"n":1}', "m2"), LABELLED),
        says("Done."),
      ],
    });
    expect(await chat.run()).toMatchObject({ type: "finished", summary: { turns: 2, calls: 2 } });
    expect(chat.lanes.starts.map(({ id, atMs }) => [id, atMs % 1000])).toEqual([
      ["m1", 0],
      ["m2", 100],
    ]);
    expect(chat.toolContents(1)).toEqual([
      { got: { where: "Rome", n: 1 }, by: "m2" },
      { got: { city: "Rome" }, by: "m1" },
    ]);
  });

  it("may refer to a call of an earlier turn of the run", async () => {
    const chat = scene({
      model: [
        calls(LABELLED),
        calls(call(0, "weather", '{"city":{"$tmpl":"${w#/by}!"}}', "m2")),
        says("Done."),
      ],
    });
    await chat.run();
    expect(chat.toolContents(2)[1]).toEqual({ got: { city: "m1!" }, by: "m2" });
  });

  it("starts early what refers to nothing, and what refers to it when it may", async () => {
    const chat = scene({
      model: [
        {
          steps: [
            ...LABELLED,
            ...call(1, "weather", '{"city":{"$ref":"w#/got/city"}}', "m2"),
            { type: "wait", ms: 500 },
            finish("tool_calls"),
          ],
        },
        says("Done."),
      ],
      bounds: { earlyStart: true },
    });
    await chat.run();
    expect(chat.lanes.starts.map(({ id, atMs }) => [id, atMs % 1000])).toEqual([
      ["m1", 0],
      ["m2", 500],
    ]);
    expect(chat.toolContents(1)[1]).toEqual({ got: { city: "Rome" }, by: "m2" });
  });

  it("goes back to the model as it wrote it", async () => {
    const chat = scene({ model: [calls(LABELLED), says("Done.")] });
    await chat.run();
    expect(JSON.stringify(chat.asked[1])).toContain(
      JSON.stringify('{"city":"Rome","gw_label":"w"}'),
    );
  });

  it("gives the model an exact error for a wrong reference, and runs the others", async () => {
    const chat = scene({
      model: [
        calls(LABELLED, call(1, "weather", '{"city":{"$ref":"v#/city"}}', "m2")),
        calls(call(0, "weather", '{"city":{"$ref":"w#/got/city"}}', "m3")),
        says("Done."),
      ],
    });
    await chat.run();
    expect(chat.toolContents(1)[1]).toEqual({
      error: {
        code: "reference_invalid",
        message:
          'The arguments refer to a result that cannot be used. /city/$ref: No call of this reply or an earlier one is labelled "v".',
        status: "failed",
      },
    });
    expect(chat.toolContents(2)[2]).toEqual({ got: { city: "Rome" }, by: "m3" });
  });

  it("skips what needs a call that failed, and says so", async () => {
    const chat = scene({
      model: [
        calls(
          LABELLED,
          call(1, "weather", '{"city":{"$ref":"w#/nowhere"},"gw_label":"x"}', "m2"),
          call(2, "weather", '{"city":{"$ref":"x#"}}', "m3"),
        ),
        says("Done."),
      ],
    });
    await chat.run();
    expect(chat.toolContents(1).slice(1)).toMatchObject([
      { error: { code: "reference_unresolved", status: "failed" } },
      { error: { code: "dependency_failed", status: "skipped" } },
    ]);
  });

  it("reports how references went, once a turn", async () => {
    const chat = scene({
      model: [
        calls(
          LABELLED,
          call(1, "weather", '{"city":{"$ref":"w#/got/city"}}', "m2"),
          call(2, "weather", '{"city":{"$ref":"v#"}}', "m3"),
        ),
        says("Done."),
      ],
    });
    await chat.run();
    expect(chat.referenceUses).toEqual([{ good: 1, bad: 1 }]);
  });
});

describe("what the model sees", () => {
  /** The bytes of one question but its new messages: tools, and the messages all questions begin with. */
  function prefix(body: JsonObject | undefined): string {
    const messages = body?.["messages"];
    const first = messages !== undefined && isJsonArray(messages) ? messages.slice(0, 2) : [];
    return JSON.stringify({ tools: body?.["tools"], first });
  }

  it("begins with the same bytes in every turn and in every run", async () => {
    const again = call(0, "weather", '{"gw_label":"w"}', "m2");
    const script: ChatSetup = { model: [calls(LABELLED), calls(again), says("Done.")] };
    const [first, second] = [scene(script), scene(script)];
    await first.run();
    await second.run();
    const seen = [...first.asked, ...second.asked].map(prefix);
    expect([seen.length, new Set(seen).size]).toEqual([6, 1]);
    expect(seen[0]).toContain(JSON.stringify(REFERENCE_INSTRUCTION).slice(1, -1));
    expect(JSON.stringify(first.asked)).toBe(JSON.stringify(second.asked));
  });

  it("is untouched without references, and without gateway tools", async () => {
    const plain = new ChatScene({ model: [says("Hi.")] });
    await plain.run();
    const none = scene({ model: [says("Hi.")], offered: [] });
    await none.run();
    for (const chat of [plain, none]) {
      expect(chat.asked[0]?.["messages"]).toEqual(request().messages);
      expect(JSON.stringify(chat.asked[0])).not.toContain("gw_label");
    }
  });
});
