/** Answers as calls report them. */

import { describe, expect, it } from "vitest";

import { readOutput } from "../../src/tools/read-output.ts";
import { toolDefinition } from "../support/tools.ts";

const PLAIN = toolDefinition({});

function read(text: string, contentType = "application/json", secrets: string[] = []) {
  return readOutput(PLAIN, { text, contentType }, secrets);
}

describe("readOutput", () => {
  it("hands JSON on as it came, with all digits", () => {
    const text = '{ "n": 12345678901234567890.5 }';
    expect(read(text)).toEqual({ ok: true, value: text });
  });

  it.each([
    ["plain words", "text/plain", '"plain words"'],
    ["123", "text/plain", '"123"'],
    ["123", "application/json", "123"],
    ["123", "", "123"],
    ['{"a":1}', "text/html", '{"a":1}'],
    ["{broken", "application/problem+json", '"{broken"'],
    ["  ", "application/json", "null"],
  ])("reads %j of type %j as %s", (text, contentType, value) => {
    expect(read(text, contentType)).toEqual({ ok: true, value });
  });

  it("refuses what nests too deep", () => {
    expect(read(`${"[".repeat(65)}${"]".repeat(65)}`)).toMatchObject({
      ok: false,
      error: { code: "result_invalid" },
    });
    expect(read(`${"[".repeat(64)}${"]".repeat(64)}`)).toMatchObject({ ok: true });
  });

  it("scrubs secrets however JSON writes them", () => {
    const escaped = JSON.stringify({ a: 'se"cret' }).replace("s", String.raw`\u0073`);
    expect(read(escaped, "application/json", ['se"cret'])).toEqual({
      ok: true,
      value: '{"a":"[secret]"}',
    });
  });

  it("refuses an answer whose secret cannot be taken out", () => {
    const secret = "12345678901234567890123";
    expect(read(`[${secret}]`, "application/json", [secret])).toMatchObject({
      ok: false,
      error: { code: "result_invalid" },
    });
  });
});
