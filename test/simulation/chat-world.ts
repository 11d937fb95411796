/**
 * A random conversation: what the model says in each turn and how it fails at it, the tools, the limits, and what happens
 * from outside. A turn that is asked for again after a crash may say something else.
 */

import type { ModelEvent } from "../../src/contract/chat.ts";
import type { OfferedTool } from "../../src/contract/planned-call.ts";
import type { Effect } from "../../src/contract/tool.ts";
import { Dice } from "./dice.ts";
import { drawIncidents, type Incident } from "./incidents.ts";

/** A conversation and its world. */
export interface ChatWorld {
  readonly seed: number;
  readonly maxTurns: number;
  readonly maxCalls: number;
  readonly maxParallel: number;
  readonly deadlineMs: number;
  readonly earlyStart: boolean;
  readonly slotsOfLane: number;
  readonly asItems: boolean;
  readonly hasClientTool: boolean;
  /** Calls may refer to each other's results. */
  readonly references: boolean;
  /** How long the reader takes for each event. */
  readonly readerMs: number;
  /** Calls are guessed; `isRight`: what is guessed for the first turn is what it will make. */
  readonly guesses: { readonly isRight: boolean } | null;
  readonly incidents: readonly Incident[];
}

/** One call a scripted model makes. */
export interface ScriptedCall {
  readonly name: string;
  /** Everything it writes, in one piece. */
  readonly argumentsJson: string;
}

/** How a scripted turn begins. */
export type Opening = "answers" | "refuses" | "never answers";

/** One step of a scripted stream. */
export type Step = ModelEvent | { readonly type: "wait"; readonly ms: number };

/** What a model says in one turn. */
export interface Script {
  /** The same for no two scripts of a world. */
  readonly name: string;
  readonly opening: Opening;
  readonly headersMs: number;
  readonly steps: readonly Step[];
  readonly calls: readonly ScriptedCall[];
}

/** The tools; a model knows them by the same names. */
export const CHAT_TOOLS: Readonly<Record<string, Effect>> = {
  find: "read",
  compute: "pure",
  peek: "read",
  limited: "read",
  save: "write",
  put: "idempotent_write",
};

/** Uses of `limited` in one run. */
export const USES_OF_LIMITED = 2;

/** The client's own tool. */
export const CLIENT_TOOL = "ask_user";

/** What the model is offered. */
export const OFFERED: readonly OfferedTool[] = Object.keys(CHAT_TOOLS).map((name) => ({
  wireName: name,
  name,
  description: `Does ${name}.`,
  input: { type: "object" },
}));

const NAMES = ["find", "find", "compute", "peek", "limited", "save", "save", "put"] as const;

/** Draws the world of `seed`. */
export function drawChatWorld(seed: number): ChatWorld {
  const dice = new Dice(seed, "chat world");
  return {
    seed,
    maxTurns: dice.int(1, 5),
    maxCalls: dice.pick([2, 5, 20, 20]),
    maxParallel: dice.int(1, 6),
    deadlineMs: dice.pick([50, 300, 1_500, 8_000, 8_000]),
    earlyStart: dice.chance(0.9),
    slotsOfLane: dice.pick([1, 2, 5]),
    asItems: dice.chance(0.4),
    hasClientTool: dice.chance(0.3),
    references: dice.chance(0.4),
    readerMs: dice.chance(0.15) ? dice.int(1, 20) : 0,
    guesses: dice.chance(0.4) ? { isRight: dice.chance(0.6) } : null,
    incidents: drawIncidents(dice, ["-", "-", "-", "-"], []).filter(
      ({ kind }) => kind === "crash" || kind === "cancel run",
    ),
  };
}

/** What the model says when it is asked for turn `turn` in life `life`. */
export function drawScript(world: ChatWorld, turn: number, life: number): Script {
  const name = `${turn}.${life}`;
  const dice = new Dice(world.seed, "script", name);
  const opening = dice.pick<Opening>([...ANSWERS, "refuses", "never answers"]);
  const calls = drawCalls(dice, world, turn, name);
  const steps: Step[] = [];
  if (dice.chance(0.5)) steps.push({ type: "delta", delta: { content: `Turn ${name}. ` } });
  for (const [index, call] of calls.entries()) {
    const id = dice.pick([`m${index}`, `m${index}`, "", "same"]);
    steps.push({ type: "call", index, id, name: call.name });
    steps.push(...cut(dice, index, call.argumentsJson));
  }
  return { name, opening, headersMs: dice.int(0, 100), steps: [...steps, ...end(dice)], calls };
}

const ANSWERS = Array.from({ length: 30 }, () => "answers" as const);

/** How the stream ends; nothing at all hangs until somebody leaves. */
function end(dice: Dice): readonly Step[] {
  const wait: Step = { type: "wait", ms: dice.int(0, 60) };
  const ending = dice.pick(["meant", ...Array.from({ length: 14 }, () => "meant"), ...BAD_ENDS]);
  switch (ending) {
    case "meant":
      return [wait, { type: "finish", reason: dice.pick(["tool_calls", "tool_calls", "stop"]) }];
    case "breaks":
      return [wait, { type: "failed", error: { code: "upstream_invalid_response" } }];
    case "hangs":
      return [{ type: "wait", ms: Infinity }];
    case "just ends":
      return [wait];
  }
  return [wait, { type: "finish", reason: ending }];
}

const BAD_ENDS = ["length", "content_filter", "breaks", "hangs", "just ends"] as const;

function drawCalls(
  dice: Dice,
  { references, hasClientTool }: ChatWorld,
  turn: number,
  script: string,
): readonly ScriptedCall[] {
  const count = turn >= 4 ? 0 : dice.pick([0, 1, 2, 3, 4]);
  const calls: ScriptedCall[] = [];
  for (let index = 0; index < count; index += 1) {
    const twin = dice.chance(0.15) ? calls.at(-1) : undefined;
    if (twin !== undefined) {
      calls.push(twin);
      continue;
    }
    const name = hasClientTool && dice.chance(0.15) ? CLIENT_TOOL : dice.pick(NAMES);
    const refersTo = references && index > 0 && dice.chance(0.3) ? index - 1 : null;
    const values = {
      n: `${script}.${index}`,
      ...(references && { gw_label: `l${turn}_${index}` }),
      ...(refersTo !== null && { x: { $ref: `l${turn}_${refersTo}#/serial` } }),
    };
    const spoiled = dice.pick<Spoiled>([...AS_IS, "cut", "twice", "more", "empty first", "bad"]);
    calls.push({ name, argumentsJson: spoil(JSON.stringify(values), spoiled) });
  }
  return calls;
}

type Spoiled = "as it is" | "cut" | "twice" | "more" | "empty first" | "bad";

const AS_IS = Array.from({ length: 20 }, () => "as it is" as const);

/** What providers and models do to arguments. */
function spoil(text: string, how: Spoiled): string {
  switch (how) {
    case "cut":
      return text.slice(0, -1);
    case "twice":
      return text + text;
    case "more":
      return `${text}}`;
    case "empty first":
      return `{}${text}`;
    case "bad":
      return `{"bad":1,${text.slice(1)}`;
    case "as it is":
      return text;
  }
}

/** The text in pieces, with pauses; a piece may be delivered twice. */
function cut(dice: Dice, index: number, text: string): readonly Step[] {
  const steps: Step[] = [];
  for (let from = 0; from < text.length;) {
    const to = from + dice.int(1, text.length);
    const piece: Step = { type: "call_arguments", index, delta: text.slice(from, to) };
    if (dice.chance(0.5)) steps.push({ type: "wait", ms: dice.int(0, 40) });
    steps.push(piece);
    if (dice.chance(0.01)) steps.push(piece);
    from = to;
  }
  return steps;
}
