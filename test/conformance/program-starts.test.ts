/**
 * Programs that a model writes for its provider to run (`openai_responses`): the calls that are certain start before the
 * provider asks for them, one answer after the other.
 */

import { describe, expect, it } from "vitest";

import { listOf, objectOf, textOf } from "../../dev/http/json.ts";
import {
  clientOf,
  ledgerEntries,
  newTenant,
  plain,
  scripted,
  send,
  toolRequests,
  unique,
} from "./scene.ts";

const UPSTREAM = { kind: "openai_responses" };
const wait = (n: number) => ({ name: "wait", arguments: { ms: 300, n } });

async function chat(...turns: readonly object[]) {
  const tenant = await newTenant({ upstream: UPSTREAM });
  const answer = await send("POST", "/v1/chat/completions", {
    key: tenant.apiKey,
    body: { model: "scripted-1", messages: [scripted(...turns.map(plain))] },
  });
  expect(answer.status).toBe(200);
  const [choice = {}] = listOf(answer.json, "choices").map(plain);
  return {
    text: textOf(objectOf(choice, "message"), "content") ?? "",
    summary: objectOf(answer.json, "x_gw"),
    tools: await toolRequests(tenant.mark),
    tenant,
  };
}

describe("a program that awaits its calls one after the other", () => {
  const code = "const a = await tools.wait({ms: 300, n: 1});\nawait tools.wait({ms: 300, n: 2});";

  it("has both in flight at once, each made once, and the model reads both results", async () => {
    const { text, summary, tools } = await chat(
      { program: code, calls: [wait(1)] },
      { calls: [wait(2)] },
      { text: "Saw {{results}}" },
    );
    expect(tools).toMatchObject({ started: 2, peak: 2 });
    expect(text).toContain('\\"n\\":\\"1\\"');
    expect(text).toContain('\\"n\\":\\"2\\"');
    const program = objectOf(summary, "program");
    expect(program["hits"]).toBe(program["launched"]);
    expect(program["wasted"]).toBe(0);
  });

  it("has what the provider does not ask for aborted and counted", async () => {
    const slow = code.replace("ms: 300, n: 2", "ms: 20000, n: 2");
    const { summary, tools, tenant } = await chat(
      { program: slow, calls: [wait(1)] },
      { text: "Enough." },
    );
    expect(tools.started).toBe(2);
    expect(objectOf(summary, "program")["wasted"]).toBe(1);
    await expect.poll(() => toolRequests(tenant.mark)).toMatchObject({ open: 0 });
  });
});

describe("a program whose calls are not certain", () => {
  it("starts none under a branch", async () => {
    const { summary, tools } = await chat(
      { program: "if (today) await tools.wait({ms: 300, n: 2});", calls: [wait(1)] },
      { text: "Done." },
    );
    expect(tools.started).toBe(1);
    expect(summary["program"]).toBeUndefined();
  });

  it("starts neither a write nor what comes after it", async () => {
    const note = unique("note");
    const { summary, tools } = await chat(
      {
        program: `await tools.record_note({entry: "${note}"}); await tools.wait({ms: 300, n: 2});`,
        calls: [wait(1)],
      },
      { text: "Done." },
    );
    expect(tools.started).toBe(1);
    expect(await ledgerEntries(note)).toBe(0);
    expect(summary["program"]).toBeUndefined();
  });

  it("is nothing to the unmodified client, streaming", async () => {
    const tenant = await newTenant({ upstream: UPSTREAM });
    const messages = [
      scripted(
        { program: "await tools.wait({ms: 5, n: 1})", calls: [wait(1)] },
        { text: "All good." },
      ),
    ];
    const stream = clientOf(tenant).chat.completions.stream({ model: "scripted-1", messages });
    expect(await stream.finalContent()).toContain("All good.");
  });
});
