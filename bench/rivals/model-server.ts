/**
 * The model of the comparison: an OpenAI-compatible server that plays gold plans at a stated speed.
 *
 * It knows the plan by a mark in the prompt and acts as a perfect model would with what it is offered. Shown tools that take
 * references, it writes the whole plan in one answer; shown ordinary tools, it writes the calls whose arguments it knows, waits for
 * their results, and goes on. When it is asked with every result in, the clock of that run stops. An error
 * in place of a result makes it write that call again with plain values.
 */

import type { ServerResponse } from "node:http";

import { isObject, listOf, parseObject, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { listen, type Listening } from "../../dev/http/listen.ts";
import { epochMs } from "../bench.ts";
import type { GoldCall, GoldPlan } from "./gold-plan.ts";
import { WORLD } from "./latency.ts";

/** What the server saw of one run. */
export interface RunRecord {
  /** Requests, the last one included. */
  turns: number;
  readonly tokens: { in: number; out: number };
  /** When it was asked with every result in; null before. */
  resultsInAtMs: number | null;
  /** Calls it wrote. */
  calls: number;
}

/** A model server that plays plans. */
export interface PlayingModel extends Listening {
  /** Lets a run be played; `mark` stands in its prompt. */
  readonly expect: (mark: string, plan: GoldPlan) => void;
  /** What happened in a run; null when it was never asked. */
  readonly record: (mark: string) => RunRecord | null;
}

/** The text in a prompt by which a run is known. */
export function markText(mark: string): string {
  return `«${mark}»`;
}

interface Played {
  readonly plan: GoldPlan;
  readonly record: RunRecord;
}

/** Starts the model on a free port; `scale` divides its times. */
export async function startPlayingModel(scale: number): Promise<PlayingModel> {
  const runs = new Map<string, Played>();
  const server = await listen(0, async ({ body, response, signal }) => {
    const request = parseObject(body);
    const messages = listOf(request, "messages").filter(isObject);
    const [, mark = ""] = /«([^»]+)»/.exec(JSON.stringify(messages)) ?? [];
    const played = runs.get(mark);
    if (played === undefined) {
      response.writeHead(404).end('{"error":{"message":"no such plan"}}');
      return;
    }
    const { plan, record } = played;
    record.turns += 1;
    record.tokens.in += body.length / WORLD.charactersPerToken;
    const results = resultsOf(messages);
    const missing = plan.calls.filter(({ label }) => !results.has(label));
    if (missing.length === 0) record.resultsInAtMs ??= epochMs();
    const calls = writtenCalls(plan, results, takesReferences(request));
    record.calls += calls.length;
    const deltas = missing.length === 0 ? textDeltas() : calls.flatMap(callDeltas);
    record.tokens.out += deltas.length;
    const finish = missing.length === 0 ? "stop" : "tool_calls";
    const usage = usageOf(body.length / WORLD.charactersPerToken, deltas.length);
    const id = `chatcmpl-${mark}-${record.turns}`;
    await play(response, signal, { id, deltas, finish, usage }, scale);
  });
  return {
    ...server,
    expect: (mark, plan) =>
      runs.set(mark, {
        plan,
        record: { turns: 0, calls: 0, tokens: { in: 0, out: 0 }, resultsInAtMs: null },
      }),
    record: (mark) => runs.get(mark)?.record ?? null,
  };
}

/** Results by label. One that is an error does not count: the call has to be made again. */
function resultsOf(messages: readonly UnknownObject[]): ReadonlyMap<string, UnknownObject> {
  const results = new Map<string, UnknownObject>();
  for (const message of messages) {
    const [, label] = /^call_(var\d+)/.exec(textOf(message, "tool_call_id") ?? "") ?? [];
    if (label === undefined) continue;
    const result = parseObject(contentText(message["content"]));
    if (!("error" in result)) results.set(label, result);
  }
  return results;
}

/** Content as a text, or as a list of text parts. */
function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  const parts = Array.isArray(content) ? content.filter(isObject) : [];
  return parts.map((part) => textOf(part, "text") ?? "").join("");
}

/** True when the tools that are offered say how to refer to another call's result. */
function takesReferences(request: UnknownObject): boolean {
  return JSON.stringify(request["tools"] ?? null).includes('"$ref"');
}

/** A call as the model writes it. */
export interface WrittenCall {
  readonly id: string;
  readonly name: string;
  readonly argumentsText: string;
}

/** What the model writes of a plan when it has these results: all of it where it may refer, else the calls it can fill. */
export function writtenCalls(
  plan: GoldPlan,
  results: ReadonlyMap<string, UnknownObject>,
  withReferences: boolean,
): readonly WrittenCall[] {
  const left = plan.calls.filter(({ label }) => !results.has(label));
  const isFirst = results.size === 0;
  const written = left.filter((call) => (withReferences && isFirst) || isReady(call, results));
  const used = new Set(
    plan.calls.flatMap(({ references }) => Object.values(references).map(({ label }) => label)),
  );
  return written.map((call) => ({
    id: `call_${call.label}`,
    name: call.tool,
    argumentsText: JSON.stringify(
      withReferences && isFirst
        ? referringArguments(call, used.has(call.label))
        : plainArguments(call, results),
    ),
  }));
}

function isReady(call: GoldCall, results: ReadonlyMap<string, UnknownObject>): boolean {
  return Object.values(call.references).every(({ label }) => results.has(label));
}

/** The arguments of a call, references replaced by what they lead to. */
export function plainArguments(
  { literals, references }: GoldCall,
  results: ReadonlyMap<string, UnknownObject>,
): UnknownObject {
  const resolved = Object.entries(references).map(([name, { label, path }]) => {
    const result = results.get(label) ?? {};
    const [member] = path;
    return [name, member === undefined ? result : result[member]];
  });
  return { ...literals, ...Object.fromEntries(resolved) };
}

/** The same call as a model writes it that has been told of labels, for calls whose result is used, and of references. */
function referringArguments(
  { label, literals, references }: GoldCall,
  isUsed: boolean,
): UnknownObject {
  const referring = Object.entries(references).map(([name, reference]) => [
    name,
    { $ref: `${reference.label}#${reference.path.map((part) => `/${part}`).join("")}` },
  ]);
  const labelled = isUsed ? { gw_label: label } : {};
  return { ...labelled, ...literals, ...Object.fromEntries(referring) };
}

type Delta = Readonly<Record<string, unknown>>;

function textDeltas(): readonly Delta[] {
  return Array.from({ length: 8 }, (_, at) => ({ content: at === 0 ? "Done" : "." }));
}

/** One delta for each token of a call; the head carries id and name. */
function callDeltas({ id, name, argumentsText }: WrittenCall, index: number): readonly Delta[] {
  const head = { index, id, type: "function", function: { name, arguments: "" } };
  const pieces: Delta[] = [{ tool_calls: [head] }];
  for (let at = 0; at < argumentsText.length; at += WORLD.charactersPerToken) {
    const text = argumentsText.slice(at, at + WORLD.charactersPerToken);
    pieces.push({ tool_calls: [{ index, function: { arguments: text } }] });
  }
  return pieces;
}

interface Answer {
  /** Frameworks tell the turns of a conversation apart by it. */
  readonly id: string;
  readonly deltas: readonly Delta[];
  readonly finish: string;
  readonly usage: UnknownObject;
}

/** Sends the deltas at the model's speed: each is due at its own moment, so late timers do not add up. */
async function play(
  response: ServerResponse,
  signal: AbortSignal,
  { id, deltas, finish, usage }: Answer,
  scale: number,
): Promise<void> {
  const firstAtMs = epochMs() + (WORLD.firstTokenS * 1000) / scale;
  const perTokenMs = 1000 / WORLD.tokensPerSecond / scale;
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const [at, delta] of deltas.entries()) {
    await waitUntil(firstAtMs + at * perTokenMs);
    if (signal.aborted) return;
    const role = at === 0 ? { role: "assistant", content: null } : {};
    response.write(chunk(id, { delta: { ...role, ...delta }, finish_reason: null }));
  }
  response.write(chunk(id, { delta: {}, finish_reason: finish }));
  response.write(event(id, { choices: [], usage }));
  response.end("data: [DONE]\n\n");
}

function chunk(id: string, choice: UnknownObject): string {
  return event(id, { choices: [{ index: 0, ...choice }] });
}

function event(id: string, fields: UnknownObject): string {
  const head = {
    id,
    object: "chat.completion.chunk",
    created: 1,
    model: "played",
  };
  return `data: ${JSON.stringify({ ...head, ...fields })}\n\n`;
}

/** Given without being asked: a framework that finds none would fetch a tokenizer to count for itself. */
function usageOf(read: number, written: number): UnknownObject {
  const prompt_tokens = Math.ceil(read);
  return { prompt_tokens, completion_tokens: written, total_tokens: prompt_tokens + written };
}

async function waitUntil(atMs: number): Promise<void> {
  const leftMs = atMs - epochMs();
  if (leftMs > 0.5) await new Promise((resolve) => setTimeout(resolve, leftMs));
}
