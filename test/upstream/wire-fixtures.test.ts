/** Recorded answers of real providers: the right calls, however the network cuts the bytes. */

import * as fc from "fast-check";
import { describe, expect, inject, it } from "vitest";

import type { ModelEvent } from "../../src/contract/chat.ts";
import { parseChatCompletion } from "../../src/upstream/chat-stream.ts";
import { callsOf, parseChunks, streamBytes, textOf } from "../support/chat-answers.ts";
import { cut } from "../support/cut-bytes.ts";

/** What one recording means. Texts are given by length, so that no recording is copied here. */
interface Expected {
  readonly calls: readonly [id: string, name: string, argumentsJson: string][];
  readonly contentLength: number;
  readonly reasoningLength: number;
  readonly reason: string;
  readonly totalTokens: number;
}

const WEATHER = '{"location":"San Francisco"}';
const WEATHER_SPACED = '{"location": "San Francisco"}';

function expected(
  calls: Expected["calls"],
  totalTokens: number,
  contentLength = 0,
  reasoningLength = 0,
): Expected {
  return {
    calls,
    contentLength,
    reasoningLength,
    reason: calls.length > 0 ? "tool_calls" : "stop",
    totalTokens,
  };
}

const EXPECTED: Readonly<Record<string, Expected>> = {
  "alibaba-alibaba-tool-call.chunks.txt": expected(
    [["call_eee11723464a4b9eb8cee71d", "weather", WEATHER_SPACED]],
    317,
  ),
  "deepseek-deepseek-tool-call.chunks.txt": expected(
    [["call_00_ioIn7yN9p1ZOMNpDLwd4MgAF", "weather", WEATHER_SPACED]],
    422,
    0,
    191,
  ),
  "groq-groq-tool-call.chunks.txt": expected([["tk85n1k4m", "weather", "{}"]], 225),
  "mistral-mistral-incremental-tool-call.chunks.txt": expected(
    [["chatcmpl-tool-9f149c74c42f265b", "webSearchTool", '{"query": "current Berlin weather"}']],
    185,
  ),
  "mistral-mistral-tool-call.json": expected([["gSIMJiOkT", "weather", WEATHER_SPACED]], 146),
  "openai-azure-model-router.1.chunks.txt": expected([], 93, 19),
  "openai-compatible-xai-tool-call.chunks.txt": expected(
    [["call_79382389", "weather", WEATHER]],
    560,
    0,
    1069,
  ),
  "openai-openai-text.chunks.txt": expected([], 316, 1724),
  "xai-xai-tool-call.chunks.txt": expected([["call_55117580", "weather", WEATHER]], 513, 0, 18),
};

function meaning(events: readonly ModelEvent[]): Expected {
  const last = events.at(-1);
  const usage = events.filter((event) => event.type === "usage");
  expect(usage).toHaveLength(1);
  return {
    calls: callsOf(events).map((call) => [call.id, call.name, call.argumentsJson]),
    contentLength: textOf(events, "content").length,
    reasoningLength: textOf(events, "reasoning_content").length,
    reason: last?.type === "finish" ? last.reason : "none",
    totalTokens: Number(usage[0]?.usage["total_tokens"]),
  };
}

const recordings = inject("shared").chatCompletions;

describe.skipIf(recordings === null)(
  "recorded chat completions (skipped: ../shared/data/wire-fixtures is absent)",
  () => {
    const all = Object.entries(recordings ?? {});

    it("are all expected here", () => {
      expect(all.map(([name]) => name).toSorted()).toEqual(Object.keys(EXPECTED).toSorted());
    });

    it.each(all.filter(([name]) => name.endsWith(".json")))("%s, whole", (name, text) => {
      expect(meaning(parseChatCompletion(JSON.parse(text)))).toEqual(EXPECTED[name]);
    });

    it.each(all.filter(([name]) => name.endsWith(".chunks.txt")))(
      "%s, in one piece, byte by byte and cut at random",
      (name, text) => {
        const bytes = streamBytes(text.trim().split("\n"));
        const events = parseChunks([bytes]);
        expect(meaning(events)).toEqual(EXPECTED[name]);
        expect(parseChunks(cut(bytes, () => 1))).toEqual(events);
        fc.assert(
          fc.property(
            fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 20 }),
            (sizes) => {
              expect(parseChunks(cut(bytes, (place) => sizes[place % sizes.length] ?? 1))).toEqual(
                events,
              );
            },
          ),
          { seed: 4, numRuns: 20 },
        );
      },
    );
  },
);
