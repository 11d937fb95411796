import {
  type Arbitrary,
  array,
  assert,
  asyncProperty,
  boolean,
  constantFrom,
  integer,
  oneof,
  option,
  record,
} from "fast-check";
import { describe, expect, it } from "vitest";

import type { ModelEvent } from "../../src/contract/chat.ts";
import {
  ChatScene,
  CLIENT_TOOL,
  type ModelScript,
  type ModelStep,
  request,
  OFFERED,
} from "../support/chat-scene.ts";
import { FAILED, succeeded } from "../support/fake-lanes.ts";

const GATEWAY_NAMES = ["weather", "shop_buy", "nothing"] as const;
const CLIENT_NAME = "ask_user";

const NAME = constantFrom(...GATEWAY_NAMES, CLIENT_NAME);
const ARGUMENTS = constantFrom("{}", '{"city":"Paris"}', '{"bad":1}', '{"cut', "");
const REASON = constantFrom(
  "tool_calls",
  "tool_calls",
  "tool_calls",
  "stop",
  "length",
  "content_filter",
);

type Piece =
  | { readonly kind: "text"; readonly content: string }
  | { readonly kind: "wait"; readonly ms: number }
  | {
      readonly kind: "call";
      readonly name: string;
      readonly argumentsJson: string;
      readonly id: string;
    };

const PIECE: Arbitrary<Piece> = oneof(
  record({ kind: constantFrom("text" as const), content: constantFrom("", "a", "b c") }),
  record({ kind: constantFrom("wait" as const), ms: integer({ min: 0, max: 400 }) }),
  record({
    kind: constantFrom("call" as const),
    name: NAME,
    argumentsJson: ARGUMENTS,
    id: constantFrom("", "x", "y", "z"),
  }),
);

interface TurnPlan {
  readonly pieces: readonly Piece[];
  readonly reason: string;
  readonly breaks: boolean;
  readonly refuses: boolean;
}

const TURN: Arbitrary<TurnPlan> = record({
  pieces: array(PIECE, { maxLength: 6 }),
  reason: REASON,
  breaks: constantFrom(true, ...Array.from({ length: 12 }, () => false)),
  refuses: constantFrom(true, ...Array.from({ length: 12 }, () => false)),
});

const CHAT: Arbitrary<ChatPlan> = record({
  turns: array(TURN, { minLength: 1, maxLength: 5 }),
  hasGatewayTools: constantFrom(true, true, true, false),
  hasClientTool: boolean(),
  maxTurns: integer({ min: 1, max: 5 }),
  maxCalls: integer({ min: 1, max: 8 }),
  deadlineMs: integer({ min: 1, max: 3_000 }),
  cancelAtMs: option(integer({ min: 0, max: 2_000 }), { freq: 4 }),
  failsEvery: integer({ min: 1, max: 4 }),
});

function scriptOf({ pieces, reason, breaks, refuses }: TurnPlan): ModelScript {
  if (refuses) return { error: { code: "upstream_unreachable" } };
  let index = -1;
  const steps = pieces.flatMap((piece): ModelStep[] => {
    if (piece.kind === "text") return [{ type: "delta", delta: { content: piece.content } }];
    if (piece.kind === "wait") return [{ type: "wait", ms: piece.ms }];
    index += 1;
    const { id, name, argumentsJson } = piece;
    return [
      { type: "call", index, id, name },
      { type: "call_arguments", index, delta: argumentsJson },
    ];
  });
  const end: ModelEvent = breaks
    ? { type: "failed", error: { code: "upstream_invalid_response" } }
    : { type: "finish", reason };
  return { steps: [...steps, end] };
}

/** Runs to the end, the client leaving at `cancelAtMs`. */
async function runScene(scene: ChatScene, cancelAtMs: number | null): Promise<void> {
  const run = scene.start();
  if (cancelAtMs !== null) {
    await scene.clock.advance(cancelAtMs);
    scene.cancel();
  }
  await scene.clock.runUntil(run);
  await scene.clock.settle();
}

interface ChatPlan {
  readonly turns: readonly TurnPlan[];
  readonly hasGatewayTools: boolean;
  readonly hasClientTool: boolean;
  readonly maxTurns: number;
  readonly maxCalls: number;
  readonly deadlineMs: number;
  readonly cancelAtMs: number | null;
  readonly failsEvery: number;
}

function sceneOf(chat: ChatPlan): ChatScene {
  return new ChatScene({
    model: chat.turns.map(scriptOf),
    request: request(chat.hasClientTool ? { tools: [CLIENT_TOOL] } : {}),
    offered: chat.hasGatewayTools ? OFFERED : [],
    bounds: { maxTurns: chat.maxTurns, maxCalls: chat.maxCalls, deadlineMs: chat.deadlineMs },
    tool: ({ id }) => ({
      durationMs: (id.length * 37) % 300,
      outcome: id.length % chat.failsEvery === 0 ? FAILED : succeeded({ secret: "inner" }),
    }),
  });
}

/** Guarantees the ended scene breaks, by name. */
function brokenGuarantees(scene: ChatScene, chat: ChatPlan): readonly string[] {
  const { events, lanes } = scene;
  const end = events.at(-1);
  const ends = events.filter(({ type }) => type === "finished" || type === "failed");
  const clientCalls = events.flatMap((event) => (event.type === "client_call" ? [event] : []));
  const visible = events.filter(({ type }) => type !== "tool" && type !== "client_call");
  const started = lanes.starts.length;
  const finished = end?.type === "finished" ? end : null;
  const guarantees = {
    "exactly one end, and it is last": ends.length === 1 && ends[0] === end,
    "no gateway call is shown":
      !chat.hasGatewayTools || clientCalls.every(({ name }) => name === CLIENT_NAME),
    "no call of a client without tools":
      !chat.hasGatewayTools || chat.hasClientTool || clientCalls.length === 0,
    "gap-free indexes": clientCalls.every(({ index }, position) => index === position),
    "nothing of an inner turn but text": !/"role"|tool_calls":|weather|shop|inner/.test(
      JSON.stringify(visible),
    ),
    "no inner finish": finished?.finishReason !== "tool_calls" || clientCalls.length > 0,
    "every executed call is counted":
      finished === null ||
      (started >= finished.summary.calls &&
        started <= finished.summary.calls + (finished.summary.early_cancelled ?? 0)),
    "no turn beyond the limit": finished === null || finished.summary.turns <= chat.maxTurns,
    "no call beyond the limit": started <= chat.maxCalls,
    "lanes closed once": lanes.closed === 1,
    "nothing left open": lanes.inFlight === 0 && scene.clock.pending === 0,
  };
  return Object.entries(guarantees).flatMap(([name, isKept]) => (isKept ? [] : [name]));
}

function endOf(scene: ChatScene): string {
  const end = scene.events.at(-1);
  return end?.type === "finished" ? (end.summary.stopped_by ?? end.finishReason) : "failed";
}

describe("runChat over 1,000 random conversations", () => {
  it(
    "never shows a gateway call, an inner finish or a role tool, and ends with exactly one end",
    { timeout: 60_000 },
    async () => {
      const ends = new Set<string>();
      await assert(
        asyncProperty(CHAT, async (chat) => {
          const scene = sceneOf(chat);
          await runScene(scene, chat.cancelAtMs);
          ends.add(endOf(scene));
          expect(brokenGuarantees(scene, chat)).toEqual([]);
        }),
        { seed: 3, numRuns: 1_000 },
      );
      // The conversations did reach every kind of end.
      expect([...ends].toSorted()).toEqual([
        "content_filter",
        "deadline",
        "failed",
        "length",
        "max_calls",
        "max_turns",
        "stop",
        "tool_calls",
      ]);
    },
  );
});
