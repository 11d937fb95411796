/**
 * Recorded answers of real providers, in every protocol: the right calls, however the network cuts the bytes. The full
 * campaign of cuts is `npm run bench -- wire`.
 */

import * as fc from "fast-check";
import { describe, expect, inject, it } from "vitest";

import { readRecording, recordingBytes } from "../../bench/wire-recording.ts";
import type { ModelEvent } from "../../src/contract/chat.ts";
import { callsOf, textOf } from "../support/chat-answers.ts";
import { cut } from "../support/cut-bytes.ts";

/** What one recording means. Texts are given by length, so that no recording is copied here. */
interface Expected {
  readonly calls: readonly [id: string, name: string, argumentsJson: string][];
  readonly contentLength: number;
  readonly reasoningLength: number;
  readonly reason: string;
  readonly totalTokens: number | null;
}

const WEATHER = '{"location":"San Francisco"}';
const WEATHER_SPACED = '{"location": "San Francisco"}';
const ELEMENTS =
  '{"elements": [{"location": "San Francisco", "temperature": 58, "condition": "sunny"}]}';

function expected(
  calls: Expected["calls"],
  totalTokens: number | null,
  contentLength = 0,
  reasoningLength = 0,
): Expected {
  const reason = calls.length > 0 ? "tool_calls" : "stop";
  return { calls, contentLength, reasoningLength, reason, totalTokens };
}

const EXPECTED: Readonly<Record<string, Expected>> = {
  "anthropic/anthropic-json-other-tool.1.chunks.txt": expected(
    [["toolu_019Zvehfe1XQWweT1pm7okyt", "weather", WEATHER_SPACED]],
    871,
  ),
  "anthropic/anthropic-json-tool.1.chunks.txt": expected(
    [["toolu_01KFbKqPYSuAKujiL6mTfzYA", "json", ELEMENTS]],
    896,
  ),
  "anthropic/anthropic-json-tool.2.chunks.txt": expected(
    [["toolu_01KFbKqPYSuAKujiL6mTfzYA", "json", ELEMENTS]],
    896,
    35,
  ),
  // Run by the provider: its text and usage count.
  "anthropic/anthropic-mcp.1.json": expected([], 1338, 127),
  // Its calls were made by the provider's own code execution, and answered.
  "anthropic/anthropic-programmatic-tool-calling.1.json": expected([], 4472, 859),
  "anthropic/anthropic-tool-no-args.json": expected(
    [["toolu_01LRmxn9vGM1d2DZSDBowdZ1", "updateIssueList", "{}"]],
    695,
    255,
  ),
  "chat-completions/alibaba-alibaba-tool-call.chunks.txt": expected(
    [["call_eee11723464a4b9eb8cee71d", "weather", WEATHER_SPACED]],
    317,
  ),
  "chat-completions/deepseek-deepseek-tool-call.chunks.txt": expected(
    [["call_00_ioIn7yN9p1ZOMNpDLwd4MgAF", "weather", WEATHER_SPACED]],
    422,
    0,
    191,
  ),
  "chat-completions/groq-groq-tool-call.chunks.txt": expected(
    [["tk85n1k4m", "weather", "{}"]],
    225,
  ),
  "chat-completions/mistral-mistral-incremental-tool-call.chunks.txt": expected(
    [["chatcmpl-tool-9f149c74c42f265b", "webSearchTool", '{"query": "current Berlin weather"}']],
    185,
  ),
  "chat-completions/mistral-mistral-tool-call.json": expected(
    [["gSIMJiOkT", "weather", WEATHER_SPACED]],
    146,
  ),
  "chat-completions/openai-azure-model-router.1.chunks.txt": expected([], 93, 19),
  "chat-completions/openai-compatible-xai-tool-call.chunks.txt": expected(
    [["call_79382389", "weather", WEATHER]],
    560,
    0,
    1069,
  ),
  "chat-completions/openai-openai-text.chunks.txt": expected([], 316, 1724),
  "chat-completions/xai-xai-tool-call.chunks.txt": expected(
    [["call_55117580", "weather", WEATHER]],
    513,
    0,
    18,
  ),
  "open-responses/lmstudio-tool-call.1.chunks.txt": expected(
    [["call_2025306790300011", "weather", WEATHER]],
    243,
    67,
    242,
  ),
  "open-responses/lmstudio-tool-call.2.chunks.txt": expected(
    [["call_3466696471230001", "weather", WEATHER]],
    242,
    67,
    241,
  ),
  "openai-responses/openai-client-tool-search.1.chunks.txt": expected([], 96),
  "openai-responses/openai-custom-tool.1.chunks.txt": expected(
    [["call_custom_sql_001", "write_sql", "SELECT * FROM users WHERE age > 25"]],
    70,
  ),
  "openai-responses/openai-error.1.chunks.txt": {
    ...expected([], null),
    reason: "insufficient_quota 429",
  },
  "openai-responses/openai-mcp-tool-approval.1.chunks.txt": expected([], 470),
  "openai-responses/openai-mcp-tool-approval.2.chunks.txt": expected([], 924, 470),
  "openai-responses/openai-mcp-tool-approval.3.chunks.txt": expected([], 657),
  "openai-responses/openai-mcp-tool-approval.4.chunks.txt": expected([], 848, 221),
  "openai-responses/openai-mcp-tool.1.chunks.txt": expected([], 12754, 1264),
  "openai-responses/openai-tool-search.1.chunks.txt": expected(
    [
      [
        "call_pddfxhfOx4gY56zn4vIIEbFp",
        "get_weather",
        '{"location":"San Francisco, CA","unit":"fahrenheit"}',
      ],
    ],
    686,
  ),
  "openai-responses/openai-web-search-tool.1.chunks.txt": expected([], 35489, 3645),
  "openai-responses/parallel-tool-call-wrapper.1.chunks.txt": expected(
    [
      ["call_parallel_0", "weather", WEATHER],
      ["call_parallel_1", "cityAttractions", '{"city":"Rome"}'],
    ],
    62,
  ),
  "openai-responses/programmatic-tool-calling.1.chunks.txt": expected(
    [["call_VgDSZztLociNcutQZWkC2fmL", "getInventory", '{"sku":"sku_123"}']],
    718,
  ),
  "openai-responses/programmatic-tool-calling.2.chunks.txt": expected(
    [["call_8GZvm5Bs4q0YSJIFH8hZeIcp", "getDemand", '{"sku":"sku_123"}']],
    0,
  ),
  "openai-responses/programmatic-tool-calling.3.chunks.txt": expected([], 792, 127),
};

function meaning(events: readonly ModelEvent[]): Expected {
  const usage = events.flatMap((event) => (event.type === "usage" ? [event.usage] : []));
  expect(usage.length).toBeLessThanOrEqual(1);
  return {
    calls: callsOf(events).map((call) => [call.id, call.name, call.argumentsJson]),
    contentLength: textOf(events, "content").length,
    reasoningLength: textOf(events, "reasoning_content").length,
    reason: endOf(events.at(-1)),
    totalTokens: usage[0] === undefined ? null : Number(usage[0]["total_tokens"]),
  };
}

/** The finish reason, or what an error says. */
function endOf(last: ModelEvent | undefined): string {
  if (last?.type === "finish") return last.reason;
  return last?.type === "failed" && last.error.code === "upstream_rejected"
    ? `${last.error.upstreamCode} ${last.error.upstreamStatus}`
    : "none";
}

const recordings = inject("shared").wireFixtures;

describe.skipIf(recordings === null)(
  "recorded answers (skipped: ../shared/data/wire-fixtures is absent)",
  () => {
    const all = Object.entries(recordings ?? {});

    it("are all expected here", () => {
      expect(all.map(([name]) => name).toSorted()).toEqual(Object.keys(EXPECTED).toSorted());
    });

    it.each(all)("%s, in one piece, byte by byte and cut at random", (path, text) => {
      const bytes = recordingBytes(path, text);
      const events = readRecording(path, [bytes]);
      expect(meaning(events)).toEqual(EXPECTED[path]);
      expect(
        readRecording(
          path,
          cut(bytes, () => 1),
        ),
      ).toEqual(events);
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 20 }),
          (sizes) => {
            const chunks = cut(bytes, (place) => sizes[place % sizes.length] ?? 1);
            expect(readRecording(path, chunks)).toEqual(events);
          },
        ),
        { seed: 4, numRuns: 4 },
      );
    });

    it("keep what the provider must see again beside a call", () => {
      const path = "openai-responses/programmatic-tool-calling.1.chunks.txt";
      const events = readRecording(path, [recordingBytes(path, recordings?.[path] ?? "")]);
      const call = events.find((event) => event.type === "call");
      expect(call).toMatchObject({ extra: { responses_item: { caller: { type: "program" } } } });
      const kept = events.flatMap((event) =>
        event.type === "delta" ? (event.delta["reasoning_details"] ?? []) : [],
      );
      expect(kept).toMatchObject([
        { type: "openai.reasoning", item: { encrypted_content: expect.any(String) } },
        { type: "openai.program", item: { code: expect.stringContaining("getInventory") } },
      ]);
    });
  },
);
