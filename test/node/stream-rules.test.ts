/** The rules the stream campaign counts with must see each thing a client may not see. */

import { describe, expect, it } from "vitest";

import { streamFaults } from "../../bench/stream-rules.ts";

interface Part {
  readonly delta?: object;
  readonly finish?: string;
  readonly id?: string;
}

function stream(parts: readonly Part[], end = "data: [DONE]\n\n"): string {
  const chunks = parts.map(({ delta = {}, finish = null, id = "chatcmpl-1" }) => ({
    id,
    choices: [{ index: 0, delta, finish_reason: finish }],
  }));
  return `: keepalive\n\n${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("")}${end}`;
}

const EXPECTED = { text: "Hello.", clientCalls: 0, clientTool: "mine" };
const HELLO: Part = { delta: { role: "assistant", content: "Hello." } };
const STOP: Part = { finish: "stop" };
const call = (name: string, index = 0): Part => ({
  delta: { tool_calls: [{ index, id: `call_${index}`, function: { name, arguments: "{}" } }] },
});

describe("streamFaults", () => {
  it("finds nothing in an ordinary message, with and without the client's own calls", () => {
    expect(streamFaults(stream([HELLO, STOP]), EXPECTED)).toEqual([]);
    const own = stream([HELLO, call("mine"), call("mine", 1), { finish: "tool_calls" }]);
    expect(streamFaults(own, { ...EXPECTED, clientCalls: 2 })).toEqual([]);
  });

  it.each([
    [
      "an inner finish_reason",
      [HELLO, { finish: "tool_calls" }, STOP],
      'finishes with ["tool_calls","stop"], not stop',
    ],
    ["no finish_reason", [HELLO], "finishes with [], not stop"],
    ["a gateway call", [HELLO, call("sleep"), STOP], "shows the gateway's call of sleep"],
    [
      "a tool message",
      [{ delta: { role: "tool", content: "Hello." } }, STOP],
      "has a message that is not the assistant's",
    ],
    ["a second id", [HELLO, { ...STOP, id: "chatcmpl-2" }], "has more than one id"],
    ["lost text", [STOP], 'says "", not "Hello."'],
    ["a gap in the indexes", [HELLO, call("mine", 1), STOP], "numbers its calls 1"],
  ])("sees %s", (_name, parts, fault) => {
    expect(streamFaults(stream(parts), EXPECTED)).toContain(fault);
  });

  it("sees a missing, a doubled and an early [DONE], an error and a chunk without choices", () => {
    expect(streamFaults(stream([HELLO, STOP], ""), EXPECTED)).toContain(
      "does not end with one [DONE]",
    );
    expect(
      streamFaults(stream([HELLO, STOP], "data: [DONE]\n\ndata: [DONE]\n\n"), EXPECTED),
    ).toHaveLength(1);
    const broken = stream(
      [HELLO, STOP],
      'data: {"id":"chatcmpl-1","error":{}}\n\ndata: [DONE]\n\n',
    );
    expect(streamFaults(broken, EXPECTED)).toEqual([
      "has a chunk without choices",
      "carries an error",
    ]);
  });
});
