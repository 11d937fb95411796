/** Results that are too long: what a model and a client still get of them. */

import { expect, it } from "vitest";

import { parseJson } from "../../dev/http/json.ts";
import { READ, readByModel, recordsTenant } from "./result-scene.ts";

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
