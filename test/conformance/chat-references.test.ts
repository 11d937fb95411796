/** Chat completions whose model makes dependent calls in one turn, and what happens to a model that cannot. */

import { describe, expect, it } from "vitest";

import { listOf, objectOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { chat, echoTool, saidBy } from "./field-scene.ts";
import {
  clientOf,
  ledgerEntries,
  newTenant,
  plain,
  scripted,
  servers,
  testTools,
  unique,
} from "./scene.ts";

/** The bodies the scripted model was asked with, newest last, that hold this text. */
async function askedWith(modelUrl: string, text: string): Promise<readonly string[]> {
  const log: unknown = await (await fetch(`${modelUrl}/_requests`)).json();
  const bodies = Array.isArray(log) ? log.map((one) => JSON.stringify(one)) : [];
  return bodies.filter((body) => body.includes(text));
}

/** What the debug part of an answer says of references. */
function choiceOf(answer: UnknownObject): UnknownObject {
  return objectOf(objectOf(objectOf(answer, "x_gw"), "debug"), "references");
}

const DEBUG = { "x-gw-debug": "1" };

describe("POST /v1/chat/completions with references", () => {
  it("200 in two model turns where level by level takes four, and the write gets the value", async () => {
    const mark = unique("k");
    const tenant = await newTenant({ tools: testTools(mark) });
    const note = unique("note");
    const client = clientOf(tenant);
    const answer = await client.chat.completions.create({
      model: "scripted-1",
      messages: [
        scripted(
          {
            calls: [
              {
                name: "record_note",
                arguments: { entry: { $tmpl: `${note} \${second#/ms} in \${w#/city}` } },
              },
              { name: "wait", arguments: { ms: { $ref: "first#/ms" } }, label: "second" },
              { name: "wait", arguments: { ms: 20 }, label: "first" },
              { name: "get_weather", arguments: { city: "Rome" }, label: "w" },
            ],
          },
          { text: "Noted." },
        ),
      ],
    });
    expect(answer.choices[0]?.message.content).toBe("Noted.");
    expect(plain(plain(answer)["x_gw"])).toMatchObject({ turns: 2, calls: 4 });
    expect(await ledgerEntries(`${note} 20 in Rome`)).toBe(1);
  });

  it("200: the model sees references in every schema, and one instruction at the end of the system message", async () => {
    const word = unique("word");
    const tenant = await newTenant({ tools: { echo: echoTool() } });
    const messages = [{ role: "system", content: `Be brief. ${word}` }, scripted({ text: "Hi." })];
    await chat(tenant, [], { messages });
    const [asked] = await askedWith(servers.model, word);
    expect(asked).toContain("gw_label");
    expect(asked).toContain("Tool calls may use each other's results");
  });

  it("200: a model that refers to what is not there is taken back to one level a turn, and the reason is told", async () => {
    const tenant = await newTenant({ tools: { echo: echoTool() } });
    const bad = { calls: [{ name: "echo", arguments: { q: { $ref: "nobody#/x" } } }] };
    const first = await chat(tenant, [bad, { text: "{{results}}" }], {}, DEBUG);
    expect(choiceOf(first.json)).toEqual({
      mode: "plan",
      reason: "No reference has been measured yet.",
    });
    expect(saidBy(first).text).toContain("reference_invalid");
    expect(saidBy(first).text).toContain("/q/$ref");
    await chat(tenant, [bad, bad, bad, { text: "Sorry." }]);
    const later = await chat(tenant, [{ text: "Hi." }], {}, DEBUG);
    expect(choiceOf(later.json)["mode"]).toBe("level_by_level");
    expect(textOf(choiceOf(later.json), "reason")).toMatch(
      /^About \d+ % of references can be expected to be followed; tried again in \d+ s\.$/,
    );
    const other = await chat(tenant, [{ text: "Hi." }], { model: "scripted-2" }, DEBUG);
    expect(choiceOf(other.json)["mode"]).toBe("plan");
  });

  it("200: a client's own tools keep their schemas", async () => {
    const word = unique("own");
    const tenant = await newTenant({ tools: { echo: echoTool() } });
    const own = {
      type: "function",
      function: {
        name: "ask_user",
        description: word,
        parameters: { type: "object", properties: {} },
      },
    };
    await chat(tenant, [{ text: "Hi." }], { tools: [own] });
    const [asked] = await askedWith(servers.model, word);
    const body = plain(JSON.parse(textOf(plain(JSON.parse(asked ?? "{}")), "body") ?? "{}"));
    expect(listOf(body, "tools")[0]).toEqual(own);
  });
});
