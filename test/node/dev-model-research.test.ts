/** The scripted model's research: one plan where tools take references, level by level where they do not. */

import { describe, expect, it } from "vitest";

import { parseObject } from "../../dev/http/json.ts";
import { planTurn } from "../../dev/model/plan-turn.ts";
import { readModelRequest } from "../../dev/model/request.ts";

const PROMPT = { role: "user", content: 'Research "Paris" and "Rome" and sum up.' };

/** Arguments of the calls the model makes next. */
function nextCalls(fields: readonly string[], messages: readonly object[]): readonly unknown[] {
  const properties = Object.fromEntries(fields.map((field) => [field, { type: "string" }]));
  const parameters = { type: "object", properties };
  const tool = { name: "search", description: "Searches the web for pages", parameters };
  const body = { model: "m", messages, tools: [{ type: "function", function: tool }] };
  const request = readModelRequest(JSON.stringify(body));
  if (request === null) throw new Error("not a request");
  return planTurn(request, 0).calls.map((call) => parseObject(call.arguments));
}

describe("a prompt for research", () => {
  it("becomes one plan with references where the tool takes a label", () => {
    expect(nextCalls(["query", "gw_label"], [PROMPT])).toEqual([
      { query: "Paris", gw_label: "found_0" },
      { query: "Rome", gw_label: "found_1" },
      { query: { $ref: "found_0#/results/0/title" } },
      { query: { $ref: "found_1#/results/0/title" } },
    ]);
  });

  it("goes level by level where it does not", () => {
    const first = nextCalls(["query"], [PROMPT]);
    expect(first).toEqual([{ query: "Paris" }, { query: "Rome" }]);
    const made = ["a", "b"].map((id) => ({ id, function: { name: "search", arguments: "{}" } }));
    const found = ["a", "b"].map((id) => ({
      role: "tool",
      tool_call_id: id,
      content: JSON.stringify({ results: [{ title: `Page ${id}` }] }),
    }));
    const later = [PROMPT, { role: "assistant", tool_calls: made }, ...found];
    expect(nextCalls(["query"], later)).toEqual([{ query: "Page a" }, { query: "Page b" }]);
  });
});
