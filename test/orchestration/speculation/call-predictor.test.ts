import { describe, expect, it } from "vitest";

import { ArgumentTemplate } from "../../../src/orchestration/speculation/argument-template.ts";
import { CallPredictor } from "../../../src/orchestration/speculation/call-predictor.ts";
import { conversationScene } from "../../../src/orchestration/speculation/conversation-scene.ts";
import type { PastCall, PastText, Scene } from "../../../src/orchestration/speculation/scene.ts";
import { MAX_SOURCES, sourcesOf } from "../../../src/orchestration/speculation/value-sources.ts";
import type { Json, JsonObject } from "../../../src/platform/canonical-json.ts";

function said(text: string): PastText {
  return { kind: "text", text };
}

function made(tool: string, values: JsonObject, output: PastCall["output"] = null): PastCall {
  return { kind: "call", tool, arguments: values, output, succeeded: true };
}

describe("sourcesOf", () => {
  it("finds quoted spans, numbers, files, codes and names in the last text, by place and by the word before", () => {
    const sources = sourcesOf([
      said("Earlier 'thing'"),
      said("Create priority 5 ticket titled 'Tire Issue' for report.pdf of AAPL in New York"),
    ]);
    expect(Object.fromEntries(sources)).toMatchObject({
      "text:number:0": 5,
      "text:digits:priority": "5",
      "text:quoted:titled": "Tire Issue",
      "text:file:0": "report.pdf",
      "text:code:of": "AAPL",
      "text:name:in": "New York",
    });
    expect([...sources.values()]).not.toContain("thing");
  });

  it("finds dates, and what a number is a number of", () => {
    const sources = sourcesOf([
      said("A 20% tip on $100, 1.75 meters from 2023-05-10 to 12/24/2023"),
    ]);
    expect(Object.fromEntries(sources)).toMatchObject({
      "text:number:…%": 20,
      "text:number:on": 100,
      "text:number:…meters": 1.75,
      "text:date:from": "2023-05-10",
      "text:date:to": "12/24/2023",
    });
  });

  it("finds arguments and places of results, the newest first", () => {
    const scene: Scene = [
      made("search", { city: "Rome" }, { items: [{ id: 7 }] }),
      made("other", { city: "Paris" }),
    ];
    expect(Object.fromEntries(sourcesOf(scene))).toMatchObject({
      "argument:*.city": "Paris",
      "argument:search.city": "Rome",
      "result:search#/items/0/id": 7,
    });
  });

  it("stays bounded whatever a text or a result holds", () => {
    const wide = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`k${n}`, n]));
    const scene: Scene = [said("'x' 1 ".repeat(20_000)), made("search", wide, wide)];
    expect(sourcesOf(scene).size).toBe(MAX_SOURCES);
  });
});

const NO_SOURCES: ReadonlyMap<string, Json> = new Map();

describe("ArgumentTemplate", () => {
  it("learns where a value comes from, not the value", () => {
    const template = new ArgumentTemplate();
    for (const title of ["One", "Two", "Three", "Four"])
      template.observe({ title, priority: 3 }, sourcesOf([said(`a ticket titled '${title}'`)]));
    const filled = template.nextCall(sourcesOf([said("a ticket titled 'Five'")]));
    expect(filled?.arguments).toEqual({ title: "Five", priority: 3 });
    expect(filled?.probability).toBeGreaterThan(0.5);
  });

  it("does not take a reference to another call's result for a value", () => {
    const template = new ArgumentTemplate();
    for (let n = 0; n < 4; n += 1) template.observe({ text: { $ref: "a#/lyrics" } }, NO_SOURCES);
    expect(template.nextCall(NO_SOURCES)).toBeNull();
  });

  it("has nothing to say of a tool never called, or when no source is there", () => {
    const template = new ArgumentTemplate();
    expect(template.nextCall(NO_SOURCES)).toBeNull();
    const long = "x".repeat(300);
    template.observe({ id: long }, new Map([["result:a#/id", long]]));
    expect(template.nextCall(NO_SOURCES)).toBeNull();
  });
});

describe("CallPredictor", () => {
  it("predicts the call that followed before, with this conversation's values", () => {
    const predictor = new CallPredictor();
    for (const [city, id] of [
      ["Rome", 1],
      ["Oslo", 2],
      ["Bern", 3],
      ["Kyiv", 4],
    ] as const) {
      const scene: Scene = [said(`Hotels in ${city}`), made("find", { city }, { id })];
      predictor.observe(scene.slice(0, 1), { tool: "find", arguments: { city } });
      predictor.observe(scene, { tool: "details", arguments: { id } });
    }
    const scene: Scene = [said("Hotels in Lima"), made("find", { city: "Lima" }, { id: 99 })];
    const [first] = predictor.predict(scene, ["find", "details"], 1);
    expect(first).toMatchObject({ tool: "details", arguments: { id: 99 } });
    expect(first?.probability).toBeGreaterThan(0.5);
    expect(predictor.predict(scene, ["find"], 1)[0]?.tool).toBe("find");
    predictor.clear();
    expect(predictor.predict(scene, ["find", "details"], 3)).toEqual([]);
  });
});

describe("conversationScene", () => {
  it("reads texts, calls and their results from chat messages, and takes an error for a failure", () => {
    const call = (id: string, name: string) => ({
      id,
      type: "function",
      function: { name, arguments: '{"a":1}' },
    });
    const messages: readonly JsonObject[] = [
      { role: "user", content: [{ type: "text", text: "Hello" }] },
      { role: "assistant", content: null, tool_calls: [call("1", "good"), call("2", "bad")] },
      { role: "tool", tool_call_id: "1", content: '{"x":2}' },
      { role: "tool", tool_call_id: "2", content: '{"error":{"code":"tool_timeout"}}' },
    ];
    expect(conversationScene(messages)).toMatchObject([
      { kind: "text", text: "Hello" },
      { tool: "good", arguments: { a: 1 }, output: { x: 2 }, succeeded: true },
      { tool: "bad", succeeded: false },
    ]);
  });
});
