/** The policy field that puts a search in place of a long list of tools. */

import { expect, it } from "vitest";

import { objectOf } from "../../dev/http/json.ts";
import { chat } from "./field-scene.ts";
import { unique } from "./scene.ts";
import { BUILT_IN, search, shownIn, tenantWith, WORDS } from "./tool-search-scene.ts";

it("policy/runs/tool_search_above: offers a search in place of more tools than this", async () => {
  const mark = unique("shown");
  const turns = [
    search("unpaid invoices"),
    { calls: [{ name: "invoice", arguments: { q: "1" } }] },
    { text: mark },
  ];
  const few = await tenantWith(4);
  const answer = await chat(few, turns);
  expect(answer.status).toBe(200);
  expect(objectOf(answer.json, "x_gw")).toMatchObject({ calls: 2, turns: 3 });
  expect(await shownIn(mark)).toEqual([
    BUILT_IN,
    [...BUILT_IN, "invoice"],
    [...BUILT_IN, "invoice"],
  ]);
  const all = unique("shown");
  expect((await chat(await tenantWith(5), [{ text: all }])).status).toBe(200);
  expect(await shownIn(all)).toEqual([WORDS]);
});
