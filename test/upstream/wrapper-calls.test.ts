/** Wrapper calls are unfolded into the calls they mean. */

import { describe, expect, it } from "vitest";

import type { ModelEvent } from "../../src/contract/chat.ts";
import { createChatStreamParser } from "../../src/upstream/chat-stream.ts";
import { unfoldWrapperCalls } from "../../src/upstream/wrapper-calls.ts";
import { callChunk, callsOf, piece, streamBytes } from "../support/chat-answers.ts";

const DONE = { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] };

function uses(...calls: readonly (readonly [string, object])[]): string {
  return JSON.stringify({
    tool_uses: calls.map(([recipient_name, parameters]) => ({ recipient_name, parameters })),
  });
}

/** The calls of a stream whose calls have these names and arguments, in pieces of three characters. */
function read(
  calls: readonly (readonly [name: string, args: string])[],
  offered: readonly string[] = [],
): readonly ModelEvent[] {
  const chunks = calls.flatMap(([name, args], index) => [
    callChunk(piece({ index, id: `c${index}`, name })),
    ...(args.match(/.{1,3}/gs) ?? []).map((text) => callChunk(piece({ index, arguments: text }))),
  ]);
  const parser = unfoldWrapperCalls(createChatStreamParser(), new Set(offered));
  return [...parser.push(streamBytes([...chunks, DONE])), ...parser.end()];
}

describe("unfoldWrapperCalls", () => {
  it.each(["parallel", "multi_tool_use.parallel", "multi_tool_use_parallel"])(
    "puts the calls inside %s in its place, and counts on without gaps",
    (wrapper) => {
      const events = read([
        ["first", '{"n":0}'],
        [wrapper, uses(["functions.a", { n: 1 }], ["b", {}])],
        ["last", '{"n":3}'],
      ]);
      expect(callsOf(events)).toEqual([
        { id: "c0", name: "first", argumentsJson: '{"n":0}' },
        { id: "c1_0", name: "a", argumentsJson: '{"n":1}' },
        { id: "c1_1", name: "b", argumentsJson: "{}" },
        { id: "c2", name: "last", argumentsJson: '{"n":3}' },
      ]);
      expect(events.at(-1)).toEqual({ type: "finish", reason: "tool_calls" });
    },
  );

  it("leaves a tool alone that is really offered under the name", () => {
    const args = uses(["a", {}]);
    expect(callsOf(read([["parallel", args]], ["parallel"]))).toEqual([
      { id: "c0", name: "parallel", argumentsJson: args },
    ]);
  });

  it("keeps a namespace that is part of an offered name", () => {
    const events = read([["parallel", uses(["functions.a", {}])]], ["functions.a"]);
    expect(callsOf(events)).toMatchObject([{ name: "functions.a" }]);
  });

  it.each([
    ["is no JSON", '{"tool_uses": [}'],
    ["has no uses", '{"tool_uses": []}'],
    ["has a use without a name", '{"tool_uses": [{"parameters": {}}]}'],
    [
      "has parameters that are no object",
      '{"tool_uses": [{"recipient_name": "a", "parameters": 1}]}',
    ],
    ["never closes", '{"tool_uses": [{"recipient_name": "a"'],
    [
      "holds more calls than an answer may",
      uses(...Array.from({ length: 257 }, () => ["a", {}] as const)),
    ],
  ])("hands on a wrapper that %s as it came", (_, args) => {
    expect(callsOf(read([["parallel", args]]))).toEqual([
      { id: "c0", name: "parallel", argumentsJson: args },
    ]);
  });

  it("takes as many calls as an answer may hold", () => {
    const many = uses(...Array.from({ length: 256 }, () => ["a", {}] as const));
    expect(callsOf(read([["parallel", many]]))).toHaveLength(256);
  });
});
