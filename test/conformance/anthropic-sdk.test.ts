/** The unmodified Anthropic SDK against `/v1/messages`: answers, streams, thinking and tools of both sides, over every upstream. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { listOf } from "../../dev/http/json.ts";
import { startModelServer, type ModelServer } from "../../dev/model-server.ts";
import {
  ask,
  askedOf,
  call,
  OWN_TOOL,
  sdkOf,
  tenantOf,
  textIn,
  typesOf,
} from "./anthropic-scene.ts";
import { ledgerEntries, plain, toolRequests, unique } from "./scene.ts";

let model: ModelServer;
beforeAll(async () => {
  model = await startModelServer();
});
afterAll(() => model.close());

const KINDS = ["openai", "anthropic", "openai_responses"] as const;

describe.each(KINDS)("messages over an upstream of kind %s", (kind) => {
  it("show the tools the gateway ran as blocks of their own, streaming and not", async () => {
    const tenant = await tenantOf(model, kind);
    const body = ask(
      {
        text: "Looking. ",
        calls: [call("get_weather", { city: "Oslo" }), call("broken", {})],
      },
      { text: "Done." },
    );
    const whole = await sdkOf(tenant).messages.create(body);
    expect(plain(whole)["_request_id"]).toMatch(/^req_/);
    const stream = sdkOf(tenant).messages.stream(body);
    const streamed = await stream.finalMessage();
    expect(stream.request_id).toMatch(/^req_/);
    for (const message of [whole, streamed]) {
      expect(message.id).toMatch(/^msg_run_/);
      expect(typesOf(message)).toEqual([
        "text",
        "mcp_tool_use",
        "mcp_tool_use",
        "mcp_tool_result",
        "mcp_tool_result",
        "text",
      ]);
      const blocks = message.content.map(plain);
      expect(blocks[1]).toMatchObject({ name: "get_weather", input: { city: "Oslo" } });
      const results = blocks.filter(({ type }) => type === "mcp_tool_result");
      const of = (index: number) =>
        results.find(({ tool_use_id }) => tool_use_id === blocks[index]?.["id"]) ?? {};
      expect(of(1)).toMatchObject({ is_error: false });
      expect(JSON.stringify(of(1))).toContain("temperature");
      expect(of(2)).toMatchObject({ is_error: true });
      expect(textIn(message)).toBe("Looking. |||||Done.");
      expect(message.stop_reason).toBe("end_turn");
      expect(message.usage.input_tokens).toBeGreaterThan(0);
      expect(message.usage.output_tokens).toBeGreaterThan(0);
    }
    expect((await toolRequests(tenant.mark)).started).toBe(4);
  });

  it("hand the client's own calls out, stream their input, and go on with its results", async () => {
    const tenant = await tenantOf(model, kind);
    const note = unique("note");
    const body = {
      ...ask(
        {
          reasoning: "deep thought",
          text: "Half. ",
          calls: [
            call("mine", { n: 1 }),
            call("record_note", { entry: note }),
            call("mine", { n: 2 }),
          ],
        },
        { text: "Whole: {{results}}" },
      ),
      tools: [OWN_TOOL],
      thinking: { type: "adaptive" as const },
    };
    const inputs: string[] = [];
    const first = await sdkOf(tenant)
      .messages.stream(body)
      .on("inputJson", (piece) => inputs.push(piece))
      .finalMessage();
    expect(inputs.join("")).toBe('{"n":1}{"n":2}');
    expect(first.stop_reason).toBe("tool_use");
    const own = first.content.filter((block) => block.type === "tool_use");
    expect(own.map(({ name, input }) => [name, input])).toEqual([
      ["mine", { n: 1 }],
      ["mine", { n: 2 }],
    ]);
    expect(await ledgerEntries(note)).toBe(1);
    const second = await sdkOf(tenant).messages.create({
      ...body,
      messages: [
        ...body.messages,
        { role: "assistant", content: first.content },
        {
          role: "user",
          content: own.map(({ id }, n) => ({
            type: "tool_result" as const,
            tool_use_id: id,
            content: `own ${n}`,
          })),
        },
      ],
    });
    expect(textIn(second)).toContain("own 0");
    expect(textIn(second)).toContain(note);
    expect(await ledgerEntries(note)).toBe(1);
  });

  it("let the model read in a later request what the gateway's tools gave in this one", async () => {
    const tenant = await tenantOf(model, kind);
    const mark = unique("later");
    const body = ask(
      { text: "Looking. ", calls: [call("get_weather", { city: "Oslo" })] },
      { text: "Done." },
    );
    const first = await sdkOf(tenant).messages.create(body);
    const second = await sdkOf(tenant).messages.create({
      ...body,
      messages: [
        ...body.messages,
        { role: "assistant", content: first.content },
        { role: "user", content: `${mark} #script {"turns":[{"text":"again"}]}` },
      ],
    });
    expect(textIn(second)).not.toBe("");
    const [asked] = await askedOf(model, mark);
    const text = JSON.stringify(asked);
    expect(text).toContain("temperature");
    // The script itself holds the texts too, before everything else.
    expect(text.lastIndexOf("Looking.")).toBeLessThan(text.indexOf("temperature"));
    expect(text.indexOf("temperature")).toBeLessThan(text.lastIndexOf("Done."));
    expect((await toolRequests(tenant.mark)).started).toBe(1);
  });
});

describe("thinking", () => {
  it("streams with its signature and goes back unchanged with the client's own calls", async () => {
    const tenant = await tenantOf(model, "anthropic");
    const body = {
      ...ask({ reasoning: "hm, yes", calls: [call("mine", { n: 1 })] }, { text: "Done." }),
      tools: [OWN_TOOL],
      thinking: { type: "adaptive" as const },
    };
    const options = { headers: { "x-gw-tools": "none" } };
    const first = await sdkOf(tenant).messages.stream(body, options).finalMessage();
    expect(first.content[0]).toMatchObject({
      type: "thinking",
      thinking: "hm, yes",
      signature: expect.stringMatching(/^sig-/),
    });
    const [, own] = first.content;
    if (own?.type !== "tool_use") throw new Error("no call");
    // The stand-in refuses calls whose thinking is missing or changed.
    const second = await sdkOf(tenant).messages.create(
      {
        ...body,
        messages: [
          ...body.messages,
          { role: "assistant", content: first.content },
          { role: "user", content: [{ type: "tool_result", tool_use_id: own.id, content: "1" }] },
        ],
      },
      options,
    );
    expect(textIn(second)).toBe("Done.");
  });

  it("of another kind of provider travels with the client, closed", async () => {
    const tenant = await tenantOf(model, "openai_responses");
    const mark = unique("closed");
    const body = {
      ...ask({ reasoning: mark, calls: [call("mine", { n: 1 })] }, { text: "Done." }),
      tools: [OWN_TOOL],
    };
    const options = { headers: { "x-gw-tools": "none" } };
    const first = await sdkOf(tenant).messages.create(body, options);
    expect(typesOf(first)).toEqual(["thinking", "redacted_thinking", "tool_use"]);
    const own = first.content.at(-1);
    if (own?.type !== "tool_use") throw new Error("no call");
    await sdkOf(tenant).messages.create(
      {
        ...body,
        messages: [
          ...body.messages,
          { role: "assistant", content: first.content },
          { role: "user", content: [{ type: "tool_result", tool_use_id: own.id }] },
        ],
      },
      options,
    );
    const [, second] = await askedOf(model, mark);
    const types = listOf(second ?? {}, "input").map((item) => plain(item)["type"] ?? "message");
    expect(types).toEqual(["message", "reasoning", "function_call", "function_call_output"]);
  });
});
