import { describe, expect, it } from "vitest";

import { TAIL_BYTES, UsageTail } from "../../src/upstream/usage-tail.ts";

const encoder = new TextEncoder();

/** The usage found after `text` came in pieces of `length` bytes. */
function found(text: string, length: number): unknown {
  const tail = new UsageTail();
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.byteLength; at += length) tail.take(bytes.slice(at, at + length));
  return tail.usage();
}

const USAGE = { prompt_tokens: 8, total_tokens: 8, details: { cached: 2 } };

describe("UsageTail", () => {
  it("finds the last usage of a long answer however it is cut, nested or not", () => {
    const vector = "0.25,".repeat(20_000);
    const answer = `{"usage":{"prompt_tokens":1},"data":[${vector}1],"usage":${JSON.stringify(USAGE)}}`;
    for (const length of [1, 7, TAIL_BYTES - 1, TAIL_BYTES, TAIL_BYTES + 1, 1_000_000])
      expect(found(answer, length)).toEqual(USAGE);
  });

  it("finds it in the last event of a stream", () => {
    const stream = `data: {"choices":[]}\n\ndata: {"usage": ${JSON.stringify(USAGE)}}\n\ndata: [DONE]\n\n`;
    expect(found(stream, 10)).toEqual(USAGE);
  });

  it("is null where there is none, it is null, cut off, or further from the end than is looked", () => {
    expect(found("", 1)).toBeNull();
    expect(found("\u0000sound\u00ff", 2)).toBeNull();
    expect(found('{"usage":null}', 5)).toBeNull();
    expect(found('{"usage":{"prompt_tokens":8', 5)).toBeNull();
    const far = `{"usage":${JSON.stringify(USAGE)},"x":"${"x".repeat(TAIL_BYTES)}"}`;
    expect(found(far, 100)).toBeNull();
  });
});
