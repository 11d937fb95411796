/** Fields that say what becomes of long results; test/node/field-inventory.test.ts keeps the lists complete. */

import { expect, it } from "vitest";

import type { UnknownObject } from "../../dev/http/json.ts";
import { handleIn, READ, readByModel, recordsTenant } from "./result-scene.ts";
import { becomes } from "./scene.ts";

it("policy/results/max_tokens_per_turn: bounds what all results of a turn take together", async () => {
  const tenant = await recordsTenant(40_000);
  const lengthUnder = async (max_tokens_per_turn: number) => {
    await tenant.call("PATCH", "/v1/policy", { results: { max_tokens_per_turn } });
    const texts = await readByModel(tenant, { calls: [{ name: "records" }, { name: "records" }] });
    expect(texts).toHaveLength(2);
    return texts.join("").length;
  };
  expect(await lengthUnder(100_000)).toBeGreaterThan(80_000);
  await becomes(async () => (await lengthUnder(1_000)) < 80_000, 8_000);
  const short = await lengthUnder(1_000);
  expect(short).toBeGreaterThan(1_000);
  expect(short).toBeLessThan(5_000);
});

it("policy/results/keep_s: is how long a later request can read a result that was cut", async () => {
  const wholeUnder = async (keep_s: number) => {
    const tenant = await recordsTenant(400_000, {}, { results: { keep_s } });
    const [cut] = await readByModel(tenant, READ);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const query = { handle: handleIn(cut), pointer: "/items/1234/id" };
    const [read = ""] = await readByModel(tenant, {
      calls: [{ name: "result_query", arguments: query }],
    });
    return read;
  };
  expect(await wholeUnder(1)).toContain('"result_unknown"');
  expect(await wholeUnder(3_600)).toBe("1234");
});

it("tool/result/max_tokens: bounds one tool's result although the turn has room", async () => {
  const lengthUnder = async (tool: UnknownObject) => {
    const [text = ""] = await readByModel(await recordsTenant(15_000, tool), READ);
    return text.length;
  };
  expect(await lengthUnder({})).toBeGreaterThan(15_000);
  expect(await lengthUnder({ result: { max_tokens: 300 } })).toBeLessThan(1_500);
});
