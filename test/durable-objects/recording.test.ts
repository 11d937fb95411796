import { describe, expect, it } from "vitest";

import { MAX_RECORDED_CHARACTERS, Recording } from "../../durable-objects/run-journal/recording.ts";

async function linesOf(recording: Recording): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of recording.follow()) lines.push(line);
  return lines;
}

describe("Recording", () => {
  it("gives every reader all lines in order, whenever it comes", async () => {
    const recording = new Recording();
    const early = linesOf(recording);
    recording.append("a");
    const middle = linesOf(recording);
    await Promise.resolve();
    recording.append("b");
    recording.end();
    expect(await early).toEqual(["a", "b"]);
    expect(await middle).toEqual(["a", "b"]);
    expect(await linesOf(recording)).toEqual(["a", "b"]);
  });

  it("takes a line at its limit and refuses one past it", () => {
    const recording = new Recording();
    expect(recording.append("x".repeat(MAX_RECORDED_CHARACTERS))).toBe(true);
    expect(recording.append("y")).toBe(false);
    expect(recording.lines).toHaveLength(1);
  });
});
