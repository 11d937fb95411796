/**
 * `npm run bench -- speculation`: calls started before the model asks for them, on real conversations.
 *
 * The first half of BFCL multi_turn_base is played to let the gateway learn, then the second half twice: with guesses
 * and, by another tenant, without. Every turn is one chat completion with the whole conversation before it, in which a model that knows
 * the gold calls makes them one by one. Nothing but what the user said and what was called before is in the
 * conversation. Times are those of the comparison with other frameworks, divided by the same scale.
 */

import { setTimeout as sleep } from "node:timers/promises";

import { startGateway } from "../dev/gateway.ts";
import { isObject, listOf, numberOf, objectOf, parseObject } from "../dev/http/json.ts";
import { listen, type Listening } from "../dev/http/listen.ts";
import { bootstrapOperator, createTenantForTests, type ReadyTenant } from "../dev/provision.ts";
import type { Bench, BenchOptions } from "./bench.ts";
import { row, type BenchRow } from "./report.ts";
import { WORLD } from "./rivals/latency.ts";
import { noteOf, startPlayedTools, type PlayedTools } from "./rivals/tool-server.ts";
import {
  readConversations,
  type Conversation,
  type Conversations,
  type GoldTurn,
} from "./speculation/conversations.ts";

const SCALE = 10;
const BUDGET = 0.1;
const THRESHOLD = 0.3;
const SMOKE_CONVERSATIONS = 2;

/** What one half did, over all its turns. */
interface Played {
  readonly calls: number;
  readonly eligible: number;
  readonly launched: number;
  readonly hits: number;
  readonly savedMs: number;
  readonly seconds: number;
  /** Requests the tools got for the gold calls that read, beyond one each. */
  readonly notes: readonly string[];
}

/** A model that makes the calls it is told, one an answer. */
interface GoldModel extends Listening {
  expect(this: void, turn: GoldTurn): void;
}

async function startGoldModel(): Promise<GoldModel> {
  let turn: GoldTurn = { said: "", calls: [] };
  const server = await listen(0, async ({ body, response }) => {
    const messages = listOf(parseObject(body), "messages").filter(isObject);
    const since = messages.findLastIndex((message) => message["role"] === "user");
    const done = messages.slice(since).filter((message) => message["role"] === "tool").length;
    const call = turn.calls[done];
    const text = call === undefined ? "" : JSON.stringify(call.arguments);
    const tokens = 4 + text.length / WORLD.charactersPerToken;
    const seconds = WORLD.firstTokenS + tokens / WORLD.tokensPerSecond;
    await sleep((seconds * 1000) / SCALE);
    const made =
      call === undefined
        ? { content: "Done." }
        : {
            content: null,
            tool_calls: [
              {
                id: `call_${done}`,
                type: "function",
                function: { name: call.tool, arguments: text },
              },
            ],
          };
    const finish_reason = call === undefined ? "stop" : "tool_calls";
    const choice = { index: 0, message: { role: "assistant", ...made }, finish_reason };
    const head = { id: "chatcmpl-gold", object: "chat.completion", created: 1, model: "gold" };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ ...head, choices: [choice] }));
  });
  return {
    ...server,
    expect: (next) => {
      turn = next;
    },
  };
}

interface Setting {
  readonly tenant: ReadyTenant;
  readonly model: GoldModel;
  readonly tools: PlayedTools;
  readonly data: Conversations;
}

async function play(
  { tenant, model, tools, data }: Setting,
  conversations: Conversations["conversations"],
): Promise<Played> {
  const reading = new Set(data.tools.filter((tool) => tool.isReading).map(({ name }) => name));
  const total = { calls: 0, eligible: 0, launched: 0, hits: 0, savedMs: 0 };
  tools.takeCalls();
  const startedAtMs = performance.now();
  for (const { turns, offered } of conversations) {
    const messages: object[] = [];
    const headers = { "x-gw-tools": offered.join(",") };
    for (const turn of turns) {
      model.expect(turn);
      messages.push({ role: "user", content: turn.said });
      const body = { model: "gold", messages };
      const answer = await tenant.call("POST", "/v1/chat/completions", body, headers);
      const speculation = objectOf(objectOf(answer, "x_gw"), "speculation");
      total.calls += turn.calls.length;
      total.eligible += turn.calls.filter(({ tool }) => reading.has(tool)).length;
      total.launched += numberOf(speculation, "launched") ?? 0;
      total.hits += numberOf(speculation, "hits") ?? 0;
      total.savedMs += numberOf(speculation, "saved_ms") ?? 0;
      messages.push(...said(turn, messages.length), { role: "assistant", content: "Done." });
    }
  }
  const seconds = (performance.now() - startedAtMs) / 1000;
  return { ...total, seconds, notes: tools.takeCalls() };
}

/** The turn's calls as a client that keeps the whole conversation sends them. */
function said(turn: GoldTurn, at: number): readonly object[] {
  return turn.calls.flatMap(({ tool, arguments: values }, place) => {
    const id = `h${at}_${place}`;
    const made = {
      id,
      type: "function",
      function: { name: tool, arguments: JSON.stringify(values) },
    };
    return [
      { role: "assistant", content: null, tool_calls: [made] },
      { role: "tool", tool_call_id: id, content: '{"ok":true}' },
    ];
  });
}

function callsOf({ turns }: Conversation): GoldTurn["calls"] {
  return turns.flatMap(({ calls }) => calls);
}

/** Requests for gold calls beyond one each: what a guess that was joined must not cause. */
function repeated(notes: readonly string[], conversations: Conversations["conversations"]): number {
  const gold = new Map<string, number>();
  for (const { tool, arguments: values } of conversations.flatMap(callsOf)) {
    const note = noteOf(tool, values);
    gold.set(note, (gold.get(note) ?? 0) + 1);
  }
  const seen = new Map<string, number>();
  for (const note of notes) seen.set(note, (seen.get(note) ?? 0) + 1);
  return [...gold].filter(([note, count]) => (seen.get(note) ?? 0) < count).length;
}

async function tenantOf(
  baseUrl: string,
  operatorKey: string,
  setting: Omit<Setting, "tenant">,
  enabled: boolean,
): Promise<ReadyTenant> {
  const definitions = setting.data.tools.map(({ name, description, isReading }) => {
    const http = { method: "POST", url: `${setting.tools.url}/${name}` };
    const effect = isReading ? "read" : "write";
    return [name, { description, input: { type: "object" }, effect, http }] as const;
  });
  const speculation = { enabled, budget: BUDGET, confidence_threshold: THRESHOLD };
  return createTenantForTests(baseUrl, operatorKey, {
    name: `speculation-${enabled}`,
    modelBaseUrl: `${setting.model.url}/v1`,
    tools: Object.fromEntries(definitions),
    policy: {
      limits: { requests: [{ limit: 1_000_000, window_s: 1 }] },
      runs: { speculation, references: "off", max_turns: 32 },
    },
  });
}

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const data = readConversations();
  if (data === null) {
    console.log("speculation: ../shared/data is not there; skipped");
    return [];
  }
  const all = smoke ? data.conversations.slice(0, SMOKE_CONVERSATIONS) : data.conversations;
  const half = Math.ceil(all.length / 2);
  const model = await startGoldModel();
  const tools = await startPlayedTools(SCALE, new Map());
  tools.setSeed(String(seed));
  const gateway = await startGateway({});
  try {
    const operatorKey = await bootstrapOperator(gateway.baseUrl, gateway.secrets.BOOTSTRAP_SECRET);
    const setting = { model, tools, data };
    const guessing = await tenantOf(gateway.baseUrl, operatorKey, setting, true);
    const plain = await tenantOf(gateway.baseUrl, operatorKey, setting, false);
    await play({ ...setting, tenant: guessing }, all.slice(0, half));
    const without = await play({ ...setting, tenant: plain }, all.slice(half));
    const on = await play({ ...setting, tenant: guessing }, all.slice(half));
    return report(on, without, repeated(on.notes, all.slice(half)), smoke);
  } finally {
    await gateway.dispose();
    await Promise.all([model.close(), tools.close()]);
  }
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : (100 * part) / whole;
}

function report(on: Played, without: Played, missing: number, smoke: boolean): readonly BenchRow[] {
  const label = "BFCL multi_turn_base, second half after learning on the first";
  const bar = (text: string): string | undefined => (smoke ? undefined : text);
  const wasted = on.launched - on.hits;
  const unexplained = on.notes.length - on.calls - wasted;
  return [
    row(label, "calls the model made", on.calls, "calls"),
    row(label, "of them eligible: tools that only read", on.eligible, "calls"),
    row(
      label,
      "guesses for each 100 eligible calls",
      share(on.launched, on.eligible),
      "%",
      bar(">= 20"),
    ),
    row(
      label,
      "hit rate: eligible calls that had been guessed",
      share(on.hits, on.eligible),
      "%",
      bar(">= 20"),
    ),
    row(label, "precision: guesses that were right", share(on.hits, on.launched), "%"),
    row(
      label,
      "waste: extra calls for each 100",
      share(wasted, on.calls),
      "%",
      bar(`<= ${100 * BUDGET}`),
    ),
    row(label, "time saved by the hits, played", (on.savedMs * SCALE) / 1000, "s", bar(">= 0.001")),
    row(label, "whole half with guesses ÷ without", on.seconds / without.seconds, "×"),
    row(
      label,
      "requests beyond one a call and one a wrong guess",
      Math.max(0, unexplained),
      "requests",
      "== 0",
    ),
    row(label, "calls that never reached their tool", missing, "calls", "== 0"),
  ];
}

/** Calls started on a guess. */
export const speculation: Bench = { name: "speculation", seed: 20_261_122, run };
