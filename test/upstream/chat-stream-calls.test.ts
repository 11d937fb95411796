/** Tool calls as providers really send them, put together to the right calls. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { MAX_ARGUMENT_BYTES, MAX_CALLS } from "../../src/upstream/call-assembler.ts";
import { callChunk, callsOf, parsePayloads, piece } from "../support/chat-answers.ts";

const INVALID = { type: "failed", error: { code: "upstream_invalid_response" } };

/** Calls as `id name arguments`, from one entry a chunk. */
function assemble(pieces: readonly unknown[], toolNames: readonly string[] = []): string[] {
  const events = parsePayloads(
    pieces.map((entry) => callChunk(entry)),
    { toolNames: new Set(toolNames) },
  );
  expect(events.at(-1)).toEqual({ type: "finish", reason: "tool_calls" });
  return callsOf(events).map((call) => `${call.id} ${call.name} ${call.argumentsJson}`);
}

describe("tool calls of a stream", () => {
  it("reads OpenAI's own form: id and name once, arguments in pieces, calls interleaved", () => {
    const calls = assemble([
      piece({ index: 0, id: "a", name: "one", arguments: "" }),
      piece({ index: 0, arguments: '{"x"' }),
      piece({ index: 1, id: "b", name: "two", arguments: "" }),
      piece({ index: 1, arguments: '{"y":' }),
      piece({ index: 0, arguments: ":1}" }),
      piece({ index: 1, arguments: "2}" }),
    ]);
    expect(calls).toEqual(['a one {"x":1}', 'b two {"y":2}']);
  });

  it("keeps calls apart that all say index 0 but differ in id", () => {
    const calls = assemble([
      piece({ index: 0, id: "a", name: "read", arguments: '{"path":"a"}' }),
      piece({ index: 0, id: "b", name: "read", arguments: '{"path":"b"}' }),
      piece({ index: 0, id: "c", name: "list", arguments: "{}" }),
    ]);
    expect(calls).toEqual(['a read {"path":"a"}', 'b read {"path":"b"}', "c list {}"]);
  });

  it("keeps calls apart that share one index and have no id", () => {
    const calls = assemble([
      piece({ index: 0, id: "", name: "one", arguments: '{"x":1}' }),
      piece({ index: 0, id: "", name: "two", arguments: '{"y":2}' }),
      piece({ index: 0, id: "", name: "two", arguments: '{"y":3}' }),
      piece({ index: 0, id: "", name: "three", arguments: "" }),
      piece({ index: 0, id: "", arguments: '{"z":4}' }),
    ]);
    expect(calls).toEqual([
      'made-1 one {"x":1}',
      'made-2 two {"y":2}',
      'made-3 two {"y":3}',
      'made-4 three {"z":4}',
    ]);
  });

  it("places pieces by id, or by order, when the index is missing", () => {
    const calls = assemble([
      piece({ id: "a", name: "one", arguments: "" }),
      piece({ id: "b", name: "two", arguments: "" }),
      piece({ id: "a", arguments: '{"x":1}' }),
      piece({ arguments: "" }),
      piece({ id: "b", arguments: '{"y":' }),
      piece({ arguments: "2}" }),
    ]);
    expect(calls).toEqual(['a one {"x":1}', 'b two {"y":2}']);
  });

  it("takes the position for a missing index when one chunk holds several calls", () => {
    const events = parsePayloads([
      callChunk(
        piece({ name: "one", arguments: '{"x":1}' }),
        piece({ name: "one", arguments: '{"x":2}' }),
      ),
    ]);
    expect(callsOf(events).map((call) => call.argumentsJson)).toEqual(['{"x":1}', '{"x":2}']);
  });

  it("goes on with a call whose later pieces have an empty, a repeated, or ever another id", () => {
    const rest = (id: string) => [
      piece({ index: 0, id: "a", name: "one", arguments: '{"x"' }),
      piece({ index: 0, id, arguments: ":1" }),
      piece({ index: 0, id, arguments: "}" }),
    ];
    expect(assemble(rest(""))).toEqual(['a one {"x":1}']);
    expect(assemble(rest("a"))).toEqual(['a one {"x":1}']);
    expect(assemble(rest("other"))).toEqual(['a one {"x":1}']);
  });

  it("starts another call at a new id without name or index", () => {
    const calls = assemble([
      piece({ id: "a", name: "one", arguments: "{}" }),
      piece({ id: "b", arguments: "{}" }),
      piece({ id: "b", name: "two" }),
    ]);
    expect(calls).toEqual(["a one {}", "b two {}"]);
  });

  it("takes an id that comes after the name, as long as the call was not handed on", () => {
    expect(
      assemble([
        piece({ index: 0, name: "one" }),
        piece({ index: 0, id: "late", arguments: "{}" }),
      ]),
    ).toEqual(["late one {}"]);
    const late = [
      piece({ index: 0, name: "one", arguments: '{"x":' }),
      piece({ index: 0, id: "late", arguments: "1}" }),
    ];
    expect(assemble(late)).toEqual(['made-1 one {"x":1}']);
  });

  it("makes up an id that is too long, or taken by another call", () => {
    const calls = assemble([
      piece({ index: 0, id: "same", name: "one", arguments: '{"x":1}' }),
      piece({ index: 1, id: "same", name: "two", arguments: '{"y":' }),
      piece({ index: 1, id: "same", arguments: "2}" }),
      piece({ index: 2, id: "x".repeat(257), name: "three", arguments: "{}" }),
    ]);
    expect(calls).toEqual(['same one {"x":1}', 'made-1 two {"y":2}', "made-2 three {}"]);
  });

  it("joins a name in pieces, ignores one repeated in full and an empty one", () => {
    const weather = ['made-1 get_weather {"x":1}'];
    const named = (...names: string[]) => [
      ...names.map((name) => piece({ index: 0, name, arguments: "" })),
      piece({ index: 0, name: "", arguments: '{"x"' }),
      piece({ index: 0, name: names.at(-1) ?? "", arguments: ":1}" }),
    ];
    expect(assemble(named("get_", "weather"))).toEqual(weather);
    expect(assemble(named("get_weather", "get_weather"))).toEqual(weather);
    expect(assemble(named("get_weather", ""))).toEqual(weather);
  });

  it("knows from the offered tools whether a name goes on, is repeated, grows or starts another call", () => {
    const tools = ["ping", "pingping", "time", "get_weather", "ooze"];
    expect(
      assemble([piece({ name: "o" }), piece({ name: "o" }), piece({ name: "ze" })], tools),
    ).toEqual(["made-1 ooze {}"]);
    expect(assemble([piece({ name: "ping" }), piece({ name: "ping" })], tools)).toEqual([
      "made-1 pingping {}",
    ]);
    expect(assemble([piece({ name: "time" }), piece({ name: "time" })], tools)).toEqual([
      "made-1 time {}",
    ]);
    expect(assemble([piece({ name: "get" }), piece({ name: "get_weather" })], tools)).toEqual([
      "made-1 get_weather {}",
    ]);
    expect(assemble([piece({ name: "ping" }), piece({ name: "time" })], tools)).toEqual([
      "made-1 ping {}",
      "made-2 time {}",
    ]);
  });

  it("takes the arguments after an empty object that was only a placeholder", () => {
    expect(
      assemble([
        piece({ index: 0, id: "a", name: "one", arguments: "{}" }),
        piece({ index: 0, arguments: '{"x":1}' }),
      ]),
    ).toEqual(['a one {"x":1}']);
    expect(
      assemble([
        piece({ name: "one", arguments: "{}" }),
        piece({ name: "one", arguments: '{"x":1}' }),
      ]),
    ).toEqual(['made-1 one {"x":1}']);
    expect(
      assemble([
        piece({ index: 0, id: "a", name: "one", arguments: " { " }),
        piece({ index: 0, arguments: "}\n{}{" }),
        piece({ index: 0, arguments: '"x":1}' }),
      ]),
    ).toEqual(['a one {"x":1}']);
    expect(
      assemble([piece({ name: "one", arguments: "{}" }), piece({ name: "two", arguments: "{}" })]),
    ).toEqual(["made-1 one {}", "made-2 two {}"]);
  });

  it("ignores a whole call that is sent a second time", () => {
    const whole = piece({ index: 0, id: "a", name: "one", arguments: '{"x":"}\\""}' });
    expect(assemble([whole, whole])).toEqual(['a one {"x":"}\\""}']);
    const empty = piece({ index: 0, id: "a", name: "one", arguments: "{}" });
    expect(assemble([empty, empty])).toEqual(["a one {}"]);
  });

  it("turns arguments sent as an object into text, and none at all into an empty object", () => {
    expect(assemble([piece({ index: 0, id: "a", name: "one", arguments: { x: [1] } })])).toEqual([
      'a one {"x":[1]}',
    ]);
    expect(assemble([piece({ index: 0, id: "a", name: "one", arguments: null })])).toEqual([
      "a one {}",
    ]);
    expect(
      assemble([piece({ index: 0, id: "a", name: "one" }), piece({ index: 0, arguments: " " })]),
    ).toEqual(["a one {}"]);
  });

  it("hands on broken arguments as they are, for the model to hear about", () => {
    expect(assemble([piece({ index: 0, id: "a", name: "one", arguments: '{"x":' })])).toEqual([
      'a one {"x":',
    ]);
    expect(assemble([piece({ index: 0, id: "a", name: "one", arguments: "[1]" })])).toEqual([
      "a one [1]",
    ]);
  });

  it("waits with arguments that come before their name", () => {
    const calls = assemble([
      piece({ index: 0, id: "a", arguments: '{"x":1}' }),
      piece({ index: 1, id: "b", name: "two", arguments: "{}" }),
      piece({ index: 0, name: "one" }),
    ]);
    expect(calls).toEqual(["b two {}", 'a one {"x":1}']);
  });

  it("passes over entries that say nothing", () => {
    expect(
      assemble([
        piece({ index: 0, id: "", name: "", arguments: "" }),
        piece({ index: 0, id: "a", name: "one" }),
      ]),
    ).toEqual(["a one {}"]);
  });

  it.each([
    ["a call that never gets a name", callChunk(piece({ index: 0, id: "a", arguments: "{}" }))],
    ["an entry that is no object", callChunk("call")],
    ["calls that are no list", { choices: [{ delta: { tool_calls: { id: "a" } } }] }],
    ["a name past its bound", callChunk(piece({ name: "x".repeat(257) }))],
  ])("refuses %s", (_, chunk) => {
    expect(parsePayloads([chunk]).at(-1)).toEqual(INVALID);
  });

  it("reads as many calls as the bound allows and refuses one more", () => {
    const calls = (count: number) =>
      Array.from({ length: count }, (_, index) =>
        callChunk(piece({ index, id: `id-${index}`, name: "one", arguments: "{}" })),
      );
    expect(callsOf(parsePayloads(calls(MAX_CALLS)))).toHaveLength(MAX_CALLS);
    expect(parsePayloads(calls(MAX_CALLS + 1)).at(-1)).toEqual(INVALID);
  });

  it("reads as many bytes of arguments as the bound allows and refuses one more", () => {
    const filled = (bytes: number) => {
      const half = "é".repeat((bytes - 2) / 2);
      return [
        callChunk(piece({ index: 0, id: "a", name: "one", arguments: `"${half}` })),
        callChunk(piece({ index: 0, arguments: '"' })),
      ];
    };
    expect(parsePayloads(filled(MAX_ARGUMENT_BYTES)).at(-1)).toEqual({
      type: "finish",
      reason: "tool_calls",
    });
    expect(parsePayloads(filled(MAX_ARGUMENT_BYTES + 2)).at(-1)).toEqual(INVALID);
  });

  it("gives back any calls, whatever their arguments and however these are cut", () => {
    const argumentsJson = fc
      .dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }))
      .map((value) => JSON.stringify(value));
    const property = fc.property(
      fc.array(argumentsJson, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 7 }),
      (texts, size) => {
        const pieces = texts.flatMap((text, index) => {
          const parts = text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
          return [
            piece({ index, id: `id-${index}`, name: `tool-${index}` }),
            ...parts.map((part) => piece({ index, arguments: part })),
          ];
        });
        expect(assemble(pieces)).toEqual(
          texts.map((text, index) => `id-${index} tool-${index} ${text}`),
        );
      },
    );
    fc.assert(property, { seed: 3, numRuns: 50 });
  });
});
