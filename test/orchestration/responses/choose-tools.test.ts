/** Which tools a response offers, and what its request becomes for the model. */

import { describe, expect, it } from "vitest";

import type { ResponseRequest } from "../../../src/contract/response.ts";
import { chatBody } from "../../../src/orchestration/responses/chat-body.ts";
import { chooseTools } from "../../../src/orchestration/responses/choose-tools.ts";

const TOOLS = [
  { name: "a.x", wireName: "a_x", toolset: "gateway" },
  { name: "b", wireName: "b", toolset: "gateway" },
  { name: "far__c", wireName: "far__c", toolset: "far" },
];
const MINE = { type: "function", name: "mine", parameters: { type: "object" }, strict: true };

function chosen(request: Pick<ResponseRequest, "tools" | "tool_choice">) {
  const result = chooseTools(request, TOOLS);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  const { offered, asked, functions, choice } = result.value;
  return { offered: [...offered], asked: [...asked], own: functions.length, choice };
}

function refused(request: Pick<ResponseRequest, "tools" | "tool_choice">): readonly string[] {
  const result = chooseTools(request, TOOLS);
  return result.ok ? [] : result.error.map(({ pointer }) => pointer);
}

describe("chooseTools", () => {
  it("offers everything when nothing is named, beside the client's functions", () => {
    expect(chosen({ tools: [MINE] })).toEqual({
      offered: ["a.x", "b", "far__c"],
      asked: [],
      own: 1,
      choice: undefined,
    });
  });

  it("offers only the toolsets that are named, and of those what is allowed", () => {
    const far = { type: "mcp", server_label: "far" };
    const own = { type: "mcp", server_label: "gateway", allowed_tools: ["b"] };
    expect(chosen({ tools: [far] }).offered).toEqual(["far__c"]);
    expect(chosen({ tools: [far, own] }).offered).toEqual(["b", "far__c"]);
    const named = { ...own, allowed_tools: { tool_names: ["a.x"] } };
    expect(chosen({ tools: [named] }).offered).toEqual(["a.x"]);
  });

  it("asks about all or some calls of a toolset", () => {
    const own = { type: "mcp", server_label: "gateway" };
    expect(chosen({ tools: [{ ...own, require_approval: "always" }] }).asked).toEqual(["a.x", "b"]);
    const some = { always: { tool_names: ["b"] } };
    expect(chosen({ tools: [{ ...own, require_approval: some }] }).asked).toEqual(["b"]);
    expect(chosen({ tools: [{ ...own, require_approval: "never" }] }).asked).toEqual([]);
  });

  it("forces one tool by its wire name, and keeps a list by offering nothing else", () => {
    const one = { type: "mcp", server_label: "gateway", name: "a.x" };
    expect(chosen({ tool_choice: one }).choice).toEqual({
      type: "function",
      function: { name: "a_x" },
    });
    expect(chosen({ tool_choice: { type: "mcp", server_label: "gateway" } })).toMatchObject({
      offered: ["a.x", "b"],
      choice: "required",
    });
    const list = { type: "allowed_tools", mode: "auto" as const, tools: [one] };
    expect(chosen({ tools: [MINE], tool_choice: list })).toMatchObject({
      offered: ["a.x"],
      own: 0,
      choice: "auto",
    });
    expect(chosen({ tool_choice: "none" }).choice).toBe("none");
  });

  it("names every entry that cannot be carried out", () => {
    expect(
      refused({
        tools: [
          { type: "web_search" },
          { type: "mcp", server_label: "x", server_url: "https://x.test" },
          { type: "mcp", server_label: "far" },
          { type: "mcp", server_label: "far" },
          { type: "function" },
        ],
        tool_choice: { type: "function", name: "nobody" },
      }),
    ).toEqual([
      "/tools/0/type",
      "/tools/1/server_label",
      "/tools/3/server_label",
      "/tools/4/name",
      "/tool_choice",
    ]);
  });
});

describe("chatBody", () => {
  it("renames what both forms have, and leaves behind what speaks of the response alone", () => {
    const body = chatBody(
      {
        model: "m",
        input: "",
        instructions: "Be brief.",
        max_output_tokens: 9,
        reasoning: { effort: "low" },
        text: {
          format: { type: "json_schema", name: "n", schema: { type: "object" }, strict: true },
          verbosity: "low",
        },
        include: ["message.output_text.logprobs"],
        top_logprobs: 2,
        temperature: 0.5,
        parallel_tool_calls: false,
        metadata: { a: "b" },
        store: true,
        background: true,
      },
      [{ role: "user", content: "Hi" }],
      { functions: [], choice: "auto" },
    );
    expect(body).toEqual({
      model: "m",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Hi" },
      ],
      stream: true,
      tool_choice: "auto",
      max_completion_tokens: 9,
      reasoning_effort: "low",
      response_format: {
        type: "json_schema",
        json_schema: { name: "n", schema: { type: "object" }, strict: true },
      },
      verbosity: "low",
      logprobs: true,
      top_logprobs: 2,
      temperature: 0.5,
      parallel_tool_calls: false,
    });
  });
});
