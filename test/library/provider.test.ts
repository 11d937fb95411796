import { describe, expect, inject, it } from "vitest";

import { chat } from "../../src/library/chat.ts";
import { defineTool } from "../../src/library/define-tool.ts";
import { httpProvider } from "../../src/library/provider.ts";
import { expectToolCalls } from "../../src/library/testing/expect-tool-calls.ts";
import { run } from "../../src/library/run.ts";

const { model = "", tools = "" } = inject("servers");

const sleep = defineTool({
  name: "sleep",
  description: "Waits so many milliseconds",
  input: {
    type: "object",
    properties: { ms: { type: "integer" }, n: { type: "integer" } },
    required: ["ms"],
  },
  effect: "read",
  http: { method: "GET", url: `${tools}/sleep/{ms}`, query: { n: "{n}" } },
  allowLoopback: true,
});

/** A user message that fixes every answer of the scripted model. */
function scripted(...turns: readonly object[]) {
  return [{ role: "user", content: `#script ${JSON.stringify({ turns })}` }];
}

const CALLS = [1, 2].map((n) => ({ name: "sleep", arguments: { ms: 1, n } }));

describe("over real HTTP", () => {
  it.each(["openai", "openai_responses", "anthropic"] as const)(
    "httpProvider speaks %s: the model's calls are made and it reads their results",
    async (kind) => {
      const provider = httpProvider({
        kind,
        baseUrl: `${model}/v1`,
        apiKey: "key",
        allowLoopback: true,
      });
      const messages = scripted({ calls: CALLS }, { text: "Done: {{results}}" });
      const request = { model: "scripted-1", messages, stream: true, max_tokens: 1_000 };
      const end = await chat(request, { provider, tools: [sleep] }).end();
      expect(end.text).toContain("Done: ");
      expect(end).toMatchObject({ finishReason: "stop", summary: { turns: 2, calls: 2 } });
    },
  );

  it("a provider on this machine is refused unless it was allowed", async () => {
    const provider = httpProvider({ baseUrl: `${model}/v1` });
    const refused = chat({ model: "m", messages: scripted() }, { provider, tools: [] }).end();
    await expect(refused).rejects.toMatchObject({ error: { code: "egress_refused" } });
  });

  it("http tools run side by side", async () => {
    const calls = [1, 2, 3].map((n) => ({ tool: sleep, arguments: { ms: 150, n } }));
    const { results } = await run(calls, { tools: [sleep] }).report();
    expect(results.map(({ status }) => status)).toEqual(["succeeded", "succeeded", "succeeded"]);
    expectToolCalls(results).inParallel();
  });
});
