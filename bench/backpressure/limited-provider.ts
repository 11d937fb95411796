/**
 * A model provider that takes so many requests a second and refuses the others with 429, as providers do: a bucket of half a
 * second's worth. Every request is answered at once.
 */

import { epochMs } from "../bench.ts";
import { listen, sendJson, type Listening } from "../../dev/http/listen.ts";

/** What may come at once, as a part of a second's requests. */
const BURST_PART = 0.5;

/** A running provider. */
export interface LimitedProvider {
  readonly server: Listening;
  /** When requests were accepted and when refused, epoch ms. */
  readonly accepted: readonly number[];
  readonly refused: readonly number[];
  /** From now on so many a second. */
  readonly limitTo: (perSecond: number) => void;
}

const ANSWER = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "limited",
  choices: [{ index: 0, message: { role: "assistant", content: "One." }, finish_reason: "stop" }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
};

const REFUSAL = { error: { message: "Too many requests", code: "rate_limit_exceeded" } };

/** Starts one. */
export async function startLimitedProvider(perSecond: number): Promise<LimitedProvider> {
  const accepted: number[] = [];
  const refused: number[] = [];
  let rate = perSecond;
  let tokens = perSecond * BURST_PART;
  let filledMs = epochMs();
  const server = await listen(0, ({ response }) => {
    const nowMs = epochMs();
    tokens = Math.min(rate * BURST_PART, tokens + ((nowMs - filledMs) * rate) / 1000);
    filledMs = nowMs;
    const isAccepted = tokens >= 1;
    if (isAccepted) tokens -= 1;
    (isAccepted ? accepted : refused).push(nowMs);
    sendJson(response, isAccepted ? 200 : 429, isAccepted ? ANSWER : REFUSAL);
    return Promise.resolve();
  });
  const limitTo = (next: number) => {
    rate = next;
  };
  return { server, accepted, refused, limitTo };
}
