/** Results that are too long: what a model and a client still get of them. */

import { expect, it } from "vitest";

import { listOf, objectOf, parseJson, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { callsOf, resultsOf, run } from "./field-scene.ts";
import { READ, readByModel, recordsTenant } from "./result-scene.ts";
import { newTenant, send, type TestTenant } from "./scene.ts";

it("a model reads the item it asks for out of five megabytes", async () => {
  const tenant = await recordsTenant(5_000_000);
  const query = {
    name: "result_query",
    arguments: {
      handle: "{{handle}}",
      pointer: "/items",
      filter: { field: "id", op: "equals", value: 33_333 },
    },
  };
  const [cut = "", found = ""] = await readByModel(tenant, READ, { calls: [query] });
  expect(cut.length).toBeLessThan(40_000);
  expect(parseJson(found)).toMatchObject({ matched: 1, items: [{ id: 33_333 }] });
});

/** The results of a run of `count` calls of `records`. */
async function recordsRun(
  tenant: TestTenant,
  count: number,
  body: object = {},
): Promise<readonly UnknownObject[]> {
  return resultsOf(await run(tenant, callsOf("records", count), body));
}

function handleOf(result: UnknownObject | undefined): string {
  return textOf(objectOf(result ?? {}, "kept"), "handle") ?? "";
}

it("a run answers with what fits and keeps the rest, every handle readable, nothing lost", async () => {
  const tenant = await recordsTenant(1_000_000, { timeout_ms: 60_000 });
  const whole = await recordsRun(tenant, 12);
  expect(whole.map((result) => listOf(objectOf(result, "output"), "items").length > 0)).toEqual(
    Array.from({ length: 12 }, () => true),
  );
  const kept = await recordsRun(tenant, 20);
  expect(kept.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => "succeeded"));
  const handles = kept.map(handleOf);
  expect(new Set(handles).size).toBe(20);
  const reads = handles.map((handle) =>
    send("GET", `/v1/results/${handle}`, { key: tenant.apiKey }),
  );
  for (const { status, text } of await Promise.all(reads)) {
    expect(status).toBe(200);
    expect(Buffer.byteLength(text)).toBe(objectOf(kept[0] ?? {}, "kept")["bytes"]);
    expect(parseJson(text)).toEqual(objectOf(whole[0] ?? {}, "output"));
  }
});

it("GET /v1/results: 200 for a pointer, 404 for what is unknown or another tenant's, 400 for no pointer", async () => {
  const tenant = await recordsTenant(1_000_000, { timeout_ms: 60_000 });
  const [first] = await recordsRun(tenant, 20);
  const path = `/v1/results/${handleOf(first)}`;
  const read = async (query: string, key = tenant.apiKey) => {
    const { status, text } = await send("GET", path + query, { key });
    return [status, status === 200 ? text : ""];
  };
  expect(await read("?pointer=/items/4321/name")).toEqual([200, '"Record 4321"']);
  expect(await read("?pointer=/nothing")).toEqual([404, ""]);
  expect(await read("?pointer=items")).toEqual([400, ""]);
  expect(await read("", (await newTenant()).apiKey)).toEqual([404, ""]);
  const unknown = await send("GET", "/v1/results/res_x", { key: tenant.apiKey });
  expect(unknown.status).toBe(404);
});

it("a call can refer into a result that is longer than its share of the answer", async () => {
  const tenant = await recordsTenant(3_000_000, { timeout_ms: 60_000 });
  const reference = { $ref: "big#/items/2222/name" };
  const calls = [
    { id: "big", tool: "records" },
    ...callsOf("records", 8),
    { id: "next", tool: "records", arguments: { q: reference } },
  ];
  const results = resultsOf(await run(tenant, calls));
  expect(results.map(({ status }) => status)).toEqual(calls.map(() => "succeeded"));
});
