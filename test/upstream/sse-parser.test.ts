/** Server-sent events, however the bytes are cut. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createSseParser } from "../../src/upstream/sse-parser.ts";
import type { ServerSentEvent } from "../../src/upstream/sse-parser.ts";
import { cut } from "../support/cut-bytes.ts";

const utf8 = new TextEncoder();

function parse(
  chunks: readonly Uint8Array[],
  maxEventChars = 1000,
): readonly ServerSentEvent[] | string {
  const parser = createSseParser(maxEventChars);
  const events: ServerSentEvent[] = [];
  for (const chunk of chunks) {
    const pushed = parser.push(chunk);
    if (!pushed.ok) return pushed.error;
    events.push(...pushed.value);
  }
  const ended = parser.end();
  return ended.ok ? [...events, ...ended.value] : ended.error;
}

function data(...lines: string[]): ServerSentEvent[] {
  return lines.map((line) => ({ event: "", data: line }));
}

describe("createSseParser", () => {
  it.each([
    ["data: a\n\ndata: b\n\n", data("a", "b")],
    ["data: a\r\n\r\ndata: b\r\n\r\n", data("a", "b")],
    ["data: a\r\rdata: b\r\r", data("a", "b")],
    ["data:a\ndata:  b\n\n", data("a\n b")],
    ["data\n\n", data("")],
    [": comment\n\ndata: a\n\n", data("a")],
    ["id: 7\nretry: 10\nunknown: x\ndata: a\n\n", data("a")],
    [
      "event: error\ndata: a\n\ndata: b\n\n",
      [
        { event: "error", data: "a" },
        { event: "", data: "b" },
      ],
    ],
    ["event: only\n\n", []],
    ["\uFEFFdata: a\n\n", data("a")],
    ["data: grüße 🎉\n\n", data("grüße 🎉")],
    ["data: no blank line", data("no blank line")],
    ["data: no blank line\r", data("no blank line")],
    ["", []],
  ])("reads %j", (text, expected) => {
    expect(parse([utf8.encode(text)])).toEqual(expected);
  });

  it("gives the same events however the bytes are cut", () => {
    const text =
      ": hi\r\nevent: x\r\ndata: grüße\r\ndata: 🎉\r\n\r\rdata: b\n\ndata: c\r\r\n\ndata: [DONE]\n\n";
    const bytes = utf8.encode(text);
    const expected = parse([bytes]);
    expect(expected).toHaveLength(4);
    expect(parse(cut(bytes, () => 1))).toEqual(expected);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sizes) => {
        expect(parse(cut(bytes, (place) => sizes[place % sizes.length] ?? 1))).toEqual(expected);
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  it("reads an event at its size bound and refuses one past it", () => {
    const bound = 100;
    expect(parse([utf8.encode(`data:${"x".repeat(bound - 5)}`)], bound)).toHaveLength(1);
    expect(parse([utf8.encode(`data:${"x".repeat(bound - 4)}`)], bound)).toBe("too_large");
    expect(parse([utf8.encode("data: 12345\n".repeat(bound / 5))], bound)).toBe("too_large");
  });

  it("refuses bytes that are not UTF-8, also a character that never ends", () => {
    expect(parse([new Uint8Array([0x64, 0xff])])).toBe("not_utf8");
    expect(parse([utf8.encode("data: "), new Uint8Array([0xf0, 0x9f])])).toBe("not_utf8");
  });
});
