/** A turn of five calls, written as fast as models write, and when its calls begin. */

import { earlyTurn } from "./early-turn.ts";
import type { Chunk } from "./fuzzed-stream.ts";

/** Sixty tokens a second, four characters a token. */
const MS_A_CHARACTER = 1_000 / 60 / 4;

/** Characters of one piece. */
const PIECE = 4;

/** When the first call began and when the second was completely written, since the run began. */
export interface FiveCalls {
  readonly firstStartMs: number;
  readonly secondWrittenMs: number;
  readonly starts: number;
}

/** Five calls that read, one after the other. */
export async function fiveCalls(): Promise<FiveCalls> {
  const chunks = [0, 1, 2, 3, 4].flatMap((index) => written(index));
  const last = [chunk(0, { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] })];
  const { starts, writtenMs } = await earlyTurn(0, [...chunks, ...last], {
    earlyStart: true,
    maxCalls: 64,
  });
  const [firstStartMs = Infinity] = starts.map(({ atMs }) => atMs);
  return { firstStartMs, secondWrittenMs: writtenMs[1] ?? 0, starts: starts.length };
}

function written(index: number): readonly Chunk[] {
  const text = JSON.stringify({ n: index, city: "A city with a name of some length" });
  const pieces = text.match(new RegExp(`.{1,${PIECE}}`, "g")) ?? [];
  return pieces.map((piece, n) => {
    const who = n === 0 ? { id: `call_${index}`, type: "function" } : {};
    const name = n === 0 ? { name: "look" } : {};
    const call = { index, ...who, function: { ...name, arguments: piece } };
    return chunk(piece.length * MS_A_CHARACTER, {
      choices: [{ index: 0, delta: { tool_calls: [call] } }],
    });
  });
}

function chunk(afterMs: number, json: object): Chunk {
  return { afterMs, bytes: new TextEncoder().encode(`data: ${JSON.stringify(json)}\n\n`) };
}
