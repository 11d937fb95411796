import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { estimateTokens } from "../../../src/algorithms/token-estimate.ts";
import {
  MIN_RESULT_TOKENS,
  type RawResult,
  shapeResults,
} from "../../../src/orchestration/results/shape-results.ts";
import { MemoryResults } from "../../support/memory-stores.ts";

const HANDLE = /^\{"handle":"(res_[0-9A-Za-z]{22})"/;

function raw(id: string, value: unknown, changes: Partial<RawResult> = {}): RawResult {
  const json = JSON.stringify(value);
  return { id, json, handle: null, maxTokens: null, isError: false, isKept: true, ...changes };
}

function ports(results = new MemoryResults()) {
  let ids = 0;
  return {
    results,
    newId: (prefix: string) => `${prefix}_${String((ids += 1)).padStart(22, "0")}`,
  };
}

function records(count: number): unknown[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    name: `Item ${id}`,
    in_stock: id % 2 === 0,
  }));
}

describe("shapeResults", () => {
  it("hands on results that fit byte for byte, whatever white space they hold", async () => {
    const json = '{ "a": [1,  2] }';
    const contents = await shapeResults([{ ...raw("a", 0), json }], 8_000, ports());
    expect(contents.get("a")).toBe(json);
  });

  it("never takes more than the turn's tokens together", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 400 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 600, max: 6_000 }),
        async (sizes, maxTokens) => {
          const results = sizes.map((size, place) => raw(`c${place}`, records(size)));
          const contents = await shapeResults(results, maxTokens, ports());
          const total = [...contents.values()].reduce((sum, text) => sum + estimateTokens(text), 0);
          expect(total).toBeLessThanOrEqual(maxTokens);
          expect([...contents.keys()]).toEqual(results.map(({ id }) => id));
          for (const text of contents.values()) expect(() => JSON.parse(text)).not.toThrow();
        },
      ),
      { seed: 20_261_122, numRuns: 60 },
    );
  });

  it("cuts the huge result and leaves the small ones whole", async () => {
    const kept = new MemoryResults();
    const results = [raw("small", records(10)), raw("huge", records(5_000)), raw("tiny", 7)];
    const contents = await shapeResults(results, 2_000, ports(kept));
    expect(contents.get("small")).toBe(results[0]?.json);
    expect(contents.get("tiny")).toBe("7");
    const huge = contents.get("huge") ?? "";
    const [, handle = ""] = HANDLE.exec(huge) ?? [];
    expect(kept.values.get(handle)).toBe(results[1]?.json);
    expect(JSON.parse(huge)).toMatchObject({
      bytes: results[1]?.json?.length,
      cut: expect.arrayContaining([{ id: 0, name: "Item 0", in_stock: true }]),
    });
    expect(estimateTokens(huge)).toBeGreaterThan(1_200);
  });

  it("makes the same cut of the same value and room, whatever the handle", async () => {
    const one = await shapeResults([raw("a", records(2_000))], 1_000, ports());
    const other = await shapeResults([raw("a", records(2_000))], 1_000, {
      results: new MemoryResults(),
      newId: () => "res_ZZZZZZZZZZZZZZZZZZZZZZ",
    });
    const cutOf = (text = "") => text.slice(text.indexOf('"bytes"'));
    expect(cutOf(one.get("a"))).toBe(cutOf(other.get("a")));
  });

  it("obeys a tool's own limit although the turn has room", async () => {
    const results = [raw("a", records(500), { maxTokens: 300 })];
    const contents = await shapeResults(results, 8_000, ports());
    expect(estimateTokens(contents.get("a") ?? "")).toBeLessThanOrEqual(300);
  });

  it("leaves errors whole and cuts the results around them", async () => {
    const message = "The city is unknown; did you mean one of these? ".repeat(6);
    const error = raw("e", { error: { code: "arguments_invalid", message } }, { isError: true });
    const others = Array.from({ length: 8 }, (_, place) => raw(`c${place}`, records(500)));
    const contents = await shapeResults([...others, error], 1_000, ports());
    expect(contents.get("e")).toBe(error.json);
  });

  it("cuts an error that alone is more than the turn may hold, and keeps its form", async () => {
    const message = "Wrong. ".repeat(2_000);
    const error = raw("e", { error: { code: "internal", message } }, { isError: true });
    const contents = await shapeResults([error], 256, ports());
    expect(estimateTokens(contents.get("e") ?? "")).toBeLessThanOrEqual(256);
    expect(JSON.parse(contents.get("e") ?? "")).toMatchObject({ error: { code: "internal" } });
  });

  it("gives every result its handle even when there is no room for anything", async () => {
    const results = Array.from({ length: 30 }, (_, place) => raw(`c${place}`, records(100)));
    const contents = await shapeResults(results, 256, ports());
    for (const text of contents.values()) {
      expect(text).toMatch(HANDLE);
      expect(estimateTokens(text)).toBeLessThanOrEqual(MIN_RESULT_TOKENS);
    }
  });

  it("cuts without a handle when nothing can be kept, and when a query can be asked again", async () => {
    const down = new MemoryResults();
    down.isDown = true;
    const lost = await shapeResults([raw("a", records(500))], 500, ports(down));
    expect(lost.get("a")).toMatch(/^\{"bytes":\d+,"cut":/);
    const kept = new MemoryResults();
    await shapeResults([raw("q", records(500), { isKept: false })], 500, ports(kept));
    expect(kept.values.size).toBe(0);
  });

  it("cuts a value that is kept already under its own handle, and says so when it is lost", async () => {
    const kept = new MemoryResults();
    const handle = "res_AAAAAAAAAAAAAAAAAAAAAA";
    kept.values.set(handle, JSON.stringify(records(500)));
    const away = { ...raw("a", null), json: null, handle };
    const contents = await shapeResults([away], 500, ports(kept));
    expect(contents.get("a")).toMatch(
      new RegExp(`^\\{"handle":"${handle}","bytes":\\d+,"cut":\\[`),
    );
    kept.values.clear();
    const lost = await shapeResults([away], 500, ports(kept));
    expect(lost.get("a")).toContain("The result was lost.");
  });
});
