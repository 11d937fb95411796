/**
 * A model's turn of tool calls as a provider might really send it: as bytes, cut anywhere, with the quirks providers have
 * and the mistakes models make.
 */

import { Dice } from "../dice.ts";

/** How a provider numbers and names the calls of one answer. */
type Style =
  | "by index"
  | "interleaved"
  | "equal index"
  | "no index"
  | "no ids"
  | "name and id again"
  | "whole"
  | "wrapped";

const STYLES: readonly Style[] = [
  "by index",
  "by index",
  "interleaved",
  "equal index",
  "no index",
  "no ids",
  "name and id again",
  "whole",
  "wrapped",
];

/** What is wrong with a call's arguments. */
type Spoiled =
  | "nothing"
  | "empty object first"
  | "a brace too many"
  | "twice"
  | "not closed"
  | "nonsense";

const NOTHING = Array.from({ length: 14 }, (): Spoiled => "nothing");

const SPOILED: readonly Spoiled[] = [
  ...NOTHING,
  "empty object first",
  "empty object first",
  "a brace too many",
  "twice",
  "not closed",
  "nonsense",
];

const ENDS = ["tool_calls", "tool_calls", "tool_calls", "tool_calls", "stop", "length", "cut off"];

/** Texts that look like structure to a careless reader. */
const TEXTS = ['}{"', "\\", '"}', "ü😀", "[[", "\u2028", " ", "{}", '\\"}'];

/** Names wrappers go by. */
const WRAPPERS = ["parallel", "multi_tool_use.parallel"];

const MAX_CALLS = 5;
const LARGEST_PIECE = 24;
const LARGEST_CHUNK = 300;

interface WrittenCall {
  readonly id: string;
  readonly name: string;
  readonly text: string;
}

/** One chunk of the connection, after a pause. */
export interface Chunk {
  readonly afterMs: number;
  readonly bytes: Uint8Array;
}

/** The turn of `seed`, making calls of `tools`. Each call's `n` is the number of the call, unique in the turn. */
export function fuzzedStream(seed: number, tools: readonly string[]): readonly Chunk[] {
  const dice = new Dice(seed, "stream");
  const style = dice.pick(STYLES);
  const count = dice.int(1, MAX_CALLS);
  const calls = Array.from({ length: count }, (_, n): WrittenCall => {
    const values = { n, s: dice.pick(TEXTS), deep: { list: [dice.pick(TEXTS), { n }] } };
    // A wrapper holds objects, so what is spoiled in it is the whole.
    const spoiled = style === "wrapped" ? "nothing" : dice.pick(SPOILED);
    return {
      id: `call_${n}`,
      name: dice.pick(tools),
      text: spoil(JSON.stringify(values), spoiled),
    };
  });
  const written = style === "wrapped" ? [wrapped(dice, calls)] : calls;
  const deltas = deltasOf(dice, style, written);
  const end = dice.pick(ENDS);
  const lines = [
    ...(dice.chance(0.3) ? [{ content: "Let me see." }] : []),
    ...deltas.map((delta) => ({ tool_calls: [delta] })),
  ].map((delta) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`);
  if (end !== "cut off") {
    const last = { choices: [{ index: 0, delta: {}, finish_reason: end }] };
    lines.push(`data: ${JSON.stringify(last)}\n\n`, "data: [DONE]\n\n");
  }
  return cutBytes(dice, new TextEncoder().encode(lines.join("")));
}

function wrapped(dice: Dice, calls: readonly WrittenCall[]): WrittenCall {
  const uses = calls.map(({ name, text }) => ({
    recipient_name: dice.chance(0.5) ? `functions.${name}` : name,
    parameters: JSON.parse(text) as unknown,
  }));
  const text = JSON.stringify({ tool_uses: uses });
  return { id: "wrapper", name: dice.pick(WRAPPERS), text };
}

function spoil(text: string, how: Spoiled): string {
  switch (how) {
    case "nothing":
      return text;
    case "empty object first":
      return `{}${text}`;
    case "a brace too many":
      return `${text}}`;
    case "twice":
      return text + text.replace('"n":', '"n":1');
    case "not closed":
      return text.slice(0, -1);
    case "nonsense":
      return `${text} and then`;
  }
}

function deltasOf(dice: Dice, style: Style, calls: readonly WrittenCall[]): readonly object[] {
  const lists = calls.map((call, index) =>
    cut(dice, style === "whole" ? Infinity : LARGEST_PIECE, call.text).map((piece, n) =>
      deltaOf(style, call, index, piece, n === 0),
    ),
  );
  return style === "interleaved" ? interleaved(dice, lists) : lists.flat();
}

/** Each list in its order, one piece of any at a time; none begins before the list before it has. */
function interleaved(dice: Dice, lists: readonly (readonly object[])[]): readonly object[] {
  const taken = lists.map(() => 0);
  const mixed: object[] = [];
  for (;;) {
    const open = lists.flatMap((list, at) => {
      const hasBegun = at === 0 || (taken[at - 1] ?? 0) > 0;
      return hasBegun && (taken[at] ?? 0) < list.length ? [at] : [];
    });
    if (open.length === 0) return mixed;
    const at = dice.pick(open);
    mixed.push(...(lists[at] ?? []).slice(taken[at], (taken[at] ?? 0) + 1));
    taken[at] = (taken[at] ?? 0) + 1;
  }
}

function deltaOf(
  style: Style,
  { id, name }: WrittenCall,
  index: number,
  piece: string,
  isFirst: boolean,
): object {
  const saysWho = isFirst || style === "name and id again";
  return {
    ...(style !== "no index" && { index: style === "equal index" ? 0 : index }),
    ...(saysWho && style !== "no ids" && { id, type: "function" }),
    function: { ...(saysWho && { name }), arguments: piece },
  };
}

/** The text in pieces of up to `most` characters; half a surrogate pair is a piece like any other. */
function cut(dice: Dice, most: number, text: string): string[] {
  const pieces: string[] = [];
  for (let from = 0; from < text.length;) {
    const to = from + (most === Infinity ? text.length : dice.int(1, most));
    pieces.push(text.slice(from, to));
    from = to;
  }
  return pieces;
}

function cutBytes(dice: Dice, bytes: Uint8Array): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let from = 0; from < bytes.length;) {
    const to = from + dice.int(1, LARGEST_CHUNK);
    chunks.push({ afterMs: dice.int(0, 15), bytes: bytes.subarray(from, to) });
    from = to;
  }
  return chunks;
}
