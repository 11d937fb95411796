/** Calls of models and clients before anything is sent: planned, or refused with what to repair. */

import { describe, expect, it } from "vitest";

import { MAX_ARGUMENTS_LENGTH, createToolBox, toolFinder } from "../../src/tools/tool-box.ts";
import { storedTool } from "../support/tools.ts";

const INPUT = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city"],
};
const WEATHER = storedTool("weather.now", {
  description: "Weather",
  input: INPUT,
  effect: "read",
  timeout_ms: 1234,
  max_parallel: 3,
});
const PING = storedTool("ping", {});

function deep(levels: number): string {
  return `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
}

describe("createToolBox", () => {
  const box = createToolBox([WEATHER, PING]);

  it("offers every tool under a name providers accept", () => {
    expect(box.offered).toEqual([
      { wireName: "weather_now", name: "weather.now", description: "Weather", input: INPUT },
      { wireName: "ping", name: "ping", description: "A tool.", input: { type: "object" } },
    ]);
  });

  it("plans a call with the tool's effect, timeout and cap", () => {
    expect(box.plan("c1", "weather_now", '{"city":"Paris"}')).toEqual({
      ok: true,
      value: {
        id: "c1",
        tool: "weather.now",
        arguments: { city: "Paris" },
        effect: "read",
        timeoutMs: 1234,
        maxParallel: 3,
        toolVersion: 1,
      },
    });
    expect(box.plan("c2", "ping", "{}")).toMatchObject({
      ok: true,
      value: { effect: "write", maxParallel: null },
    });
  });

  it("plans a call with what decides when it starts: tags, host, group and priority", () => {
    const http = { method: "GET" as const, url: "https://API.example.com:443/{city}" };
    const standing = { tags: ["slow"], rate_limit_group: "maps", priority: 5 };
    const tools = [
      storedTool("standing", { input: INPUT, http, ...standing }),
      storedTool("port", { http: { ...http, url: "http://127.0.0.1:8080/x?y=1" } }),
    ];
    const expected = [
      { tags: ["slow"], host: "api.example.com", group: "maps", priority: 5 },
      { host: "127.0.0.1:8080" },
    ];
    const find = toolFinder(tools);
    expect(["standing", "port"].map((name) => find(name)?.call("c", {}))).toMatchObject(expected);
  });

  it.each(["", "  \n"])("takes %j as no arguments", (text) => {
    expect(box.plan("c", "ping", text)).toMatchObject({ ok: true, value: { arguments: {} } });
  });

  it.each([
    ["weather.now", "{}", "unknown_tool", 'There is no tool "weather.now".'],
    ["constructor", "{}", "unknown_tool", "constructor"],
    ["ping", "{", "arguments_not_json", "not valid JSON"],
    ["ping", "[]", "arguments_invalid", "must be a JSON object"],
    ["ping", "null", "arguments_invalid", "must be a JSON object"],
    ["ping", deep(65), "arguments_invalid", "deeper than 64"],
    ["ping", " ".repeat(MAX_ARGUMENTS_LENGTH + 1), "arguments_invalid", "too long"],
    [
      "weather_now",
      '{"days":"two"}',
      "arguments_invalid",
      "/city: This field is required. /days: Must be of type integer.",
    ],
  ])("refuses %s(%.20s) as %s", (name, text, code, message) => {
    expect(box.plan("c", name, text)).toMatchObject({
      ok: false,
      error: { code, message: expect.stringContaining(message) },
    });
  });

  it("takes arguments of the greatest depth and length", () => {
    expect(box.plan("c", "ping", deep(64))).toMatchObject({ ok: true });
    expect(box.plan("c", "ping", "{}".padEnd(MAX_ARGUMENTS_LENGTH))).toMatchObject({ ok: true });
  });

  it("names the whole value as / and no more than ten places", () => {
    const names = Array.from({ length: 12 }, (_, index) => `f${index}`);
    const strict = createToolBox([
      storedTool("strict", { input: { type: "object", required: names } }),
    ]);
    const refused = strict.plan("c", "strict", "{}");
    expect(refused.ok ? "" : refused.error.message).toMatch(
      /\/f9: This field is required\. \(2 more\)$/,
    );
    const never = createToolBox([
      storedTool("never", { input: { type: "object", maxProperties: 0 } }),
    ]);
    expect(never.plan("c", "never", '{"a":1}')).toMatchObject({
      error: { message: expect.stringContaining(" /: Has too many") },
    });
  });
});
