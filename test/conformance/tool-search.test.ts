/** A model that is offered a search in place of a long list of tools, over the other protocols the gateway speaks. */

import { expect, it } from "vitest";

import { isObject, listOf } from "../../dev/http/json.ts";
import { chat } from "./field-scene.ts";
import { scripted, send, unique } from "./scene.ts";
import { BUILT_IN, search, shownIn, tenantWith } from "./tool-search-scene.ts";

it("a response that goes on from another still shows what was found", async () => {
  const tenant = await tenantWith(4);
  const mark = unique("shown");
  const respond = (body: object) =>
    send("POST", "/v1/responses", { key: tenant.apiKey, body: { model: "scripted-1", ...body } });
  const first = await respond({ input: [scripted(search("the weather today"), { text: mark })] });
  expect(first.status).toBe(200);
  const items = listOf(first.json, "output").filter(isObject);
  expect(items.find(({ type }) => type === "mcp_call")).toMatchObject({
    name: "tool_search",
    status: "completed",
    output: '{"tools":[{"name":"weather","description":"Looks up the weather"}]}',
  });
  const next = unique("shown");
  const second = await respond({
    previous_response_id: first.json["id"],
    input: [scripted({ calls: [{ name: "weather" }] }, { text: next })],
  });
  expect(second.status).toBe(200);
  expect(await shownIn(next)).toEqual([
    [...BUILT_IN, "weather"],
    [...BUILT_IN, "weather"],
  ]);
});

it("messages: the search and what it found are blocks of the answer", async () => {
  const tenant = await tenantWith(4);
  const mark = unique("shown");
  const turns = [
    search("translation of a text"),
    { calls: [{ name: "translation" }] },
    { text: mark },
  ];
  const answer = await send("POST", "/v1/messages", {
    key: tenant.apiKey,
    body: { model: "scripted-1", max_tokens: 1_000, messages: [scripted(...turns)] },
  });
  expect(answer.status).toBe(200);
  const names = listOf(answer.json, "content")
    .filter(isObject)
    .map(({ name }) => name);
  expect(names.filter((name) => name !== undefined)).toEqual(["tool_search", "translation"]);
  expect((await shownIn(mark)).at(-1)).toEqual([...BUILT_IN, "translation"]);
});

it("a client's own tool may not be called tool_search", async () => {
  const tools = [{ type: "function", function: { name: "tool_search" } }];
  const answer = await chat(await tenantWith(5), [{ text: "." }], { tools });
  expect(answer.status).toBe(400);
});
