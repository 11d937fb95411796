/** A turn in OpenAI's wire format: one JSON body, or the chunks of a stream in the order they are sent. */

import type { ModelRequest } from "./request.ts";
import { fingerprint, type Turn } from "./turn.ts";

/** Said in every answer, so that nobody mistakes the stand-in for a model. */
export const STAND_IN = "scripted-stand-in";

/** One step of a stream: text to write, how many tokens it stands for, and a pause before it. */
export interface Step {
  readonly data: string;
  readonly tokens: number;
  readonly pauseMs: number;
}

/** Pieces of about a token each; joined they are the text again. */
export function tokensOf(text: string): string[] {
  return text.match(/\s*\S{1,6}|\s+$/g) ?? [];
}

/** A turn in tokens. */
export interface Answer {
  readonly reasoning: readonly string[];
  readonly text: readonly string[];
  readonly calls: readonly {
    readonly id: string;
    readonly name: string;
    readonly pieces: readonly string[];
  }[];
  readonly finish: string;
  readonly tokens: number;
}

/** Cuts a turn into tokens and to the request's token limit. */
export function answerOf(request: ModelRequest, turn: Turn): Answer {
  const reasoning = tokensOf(turn.reasoning);
  const whole = tokensOf(turn.text);
  const text = request.maxTokens === null ? whole : whole.slice(0, request.maxTokens);
  const calls = turn.calls.map(({ id, name, arguments: json }) => ({
    id,
    name,
    pieces: tokensOf(json),
  }));
  const isCut = text.length < whole.length;
  const finish = turn.finish ?? (isCut ? "length" : calls.length > 0 ? "tool_calls" : "stop");
  const callTokens = calls.reduce((sum, call) => sum + call.pieces.length + 3, 0);
  return { reasoning, text, calls, finish, tokens: reasoning.length + text.length + callTokens };
}

function usageOf(request: ModelRequest, answer: Answer): Record<string, unknown> {
  const completion = answer.tokens * request.n;
  return {
    prompt_tokens: request.promptTokens,
    completion_tokens: completion,
    total_tokens: request.promptTokens + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: answer.reasoning.length * request.n },
  };
}

function envelope(request: ModelRequest, turn: Turn, object: string): Record<string, unknown> {
  return {
    id: `chatcmpl-scripted-${fingerprint(`${JSON.stringify(request.messages)} ${turn.text}`)}`,
    object,
    created: Math.floor(Date.now() / 1000),
    model: request.model,
    system_fingerprint: STAND_IN,
  };
}

/** Every choice of an answer has the same content: nothing here is random. */
function choices(request: ModelRequest): number[] {
  return Array.from({ length: request.n }, (_, index) => index);
}

/** The whole answer as one body, and the tokens it took. */
export function completionBody(
  request: ModelRequest,
  turn: Turn,
): { body: unknown; tokens: number } {
  const answer = answerOf(request, turn);
  const content = answer.text.join("");
  const message = {
    role: "assistant",
    content: content === "" && answer.calls.length > 0 ? null : content,
    refusal: null,
    ...(turn.reasoning === "" ? {} : { reasoning_content: turn.reasoning }),
    ...(answer.calls.length === 0
      ? {}
      : {
          tool_calls: turn.calls.map((call) => ({
            id: call.id,
            type: "function",
            function: { name: call.name, arguments: call.arguments },
          })),
        }),
  };
  return {
    tokens: answer.tokens,
    body: {
      ...envelope(request, turn, "chat.completion"),
      choices: choices(request).map((index) => ({
        index,
        message,
        logprobs: null,
        finish_reason: answer.finish,
      })),
      usage: usageOf(request, answer),
    },
  };
}

function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** The answer as the chunks of a stream, without the closing `[DONE]`. */
export function streamSteps(request: ModelRequest, turn: Turn): Step[] {
  const answer = answerOf(request, turn);
  const base = envelope(request, turn, "chat.completion.chunk");
  const usage = request.includeUsage ? { usage: null } : {};
  const step = (
    delta: unknown,
    tokens: number,
    pauseMs = 0,
    finish: string | null = null,
  ): Step => ({
    data: choices(request)
      .map((index) =>
        event({
          ...base,
          choices: [{ index, delta, logprobs: null, finish_reason: finish }],
          ...usage,
        }),
      )
      .join(""),
    tokens,
    pauseMs,
  });
  const steps = [
    step({ role: "assistant", content: answer.text.length === 0 ? null : "", refusal: null }, 0),
  ];
  for (const piece of answer.reasoning) steps.push(step({ reasoning_content: piece }, 1));
  for (const piece of answer.text) steps.push(step({ content: piece }, 1));
  for (const [index, call] of answer.calls.entries()) {
    const opening = {
      index,
      id: call.id,
      type: "function",
      function: { name: call.name, arguments: "" },
    };
    steps.push(step({ tool_calls: [opening] }, 3, index === 0 ? 0 : turn.gapMs));
    for (const piece of call.pieces) {
      steps.push(step({ tool_calls: [{ index, function: { arguments: piece } }] }, 1));
    }
  }
  steps.push(step({}, 0, 0, answer.finish));
  if (request.includeUsage) {
    steps.push({
      data: event({ ...base, choices: [], usage: usageOf(request, answer) }),
      tokens: 0,
      pauseMs: 0,
    });
  }
  return steps;
}
