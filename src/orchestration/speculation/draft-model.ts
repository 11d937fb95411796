/**
 * A small, fast model as a predictor: it is asked exactly what the real one is being asked, and the calls it makes are
 * guesses at the real one's.
 *
 * It is left as soon as it says too much to be about to call anything, so that a wrong model costs little.
 */

import type { ModelEvent } from "../../contract/chat.ts";
import type { GatewayError } from "../../contract/error.ts";
import type { JsonObject } from "../../platform/canonical-json.ts";
import type { Result } from "../../platform/result.ts";
import type { ForetoldCall, Predictor } from "./predictor.ts";

/** Characters of text and of arguments that are read of one answer. */
export const MAX_DRAFT_LENGTH = 16_384;

/** Calls that are read of one answer. */
export const MAX_DRAFT_CALLS = 8;

type AskModel = (
  body: JsonObject,
  signal: AbortSignal,
) => Promise<Result<AsyncIterable<ModelEvent>, GatewayError>>;

/** A predictor that asks `model` through `askModel`. */
export function draftModel(askModel: AskModel, model: string): Predictor {
  return {
    async predict(request, signal) {
      const body = { ...request, model, stream: true, stream_options: { include_usage: true } };
      const asked = await askModel(body, signal);
      return asked.ok ? readDraft(asked.value) : { calls: [] };
    },
  };
}

interface WrittenCall {
  readonly name: string;
  readonly pieces: string[];
}

async function readDraft(
  events: AsyncIterable<ModelEvent>,
): Promise<{ readonly calls: readonly ForetoldCall[]; readonly usage: JsonObject }> {
  const written = new Map<number, WrittenCall>();
  let usage: JsonObject = {};
  let length = 0;
  for await (const event of events) {
    if (event.type === "call") written.set(event.index, { name: event.name, pieces: [] });
    if (event.type === "call_arguments") written.get(event.index)?.pieces.push(event.delta);
    if (event.type === "usage") ({ usage } = event);
    if (event.type === "failed") return { calls: [], usage };
    length += lengthOf(event);
    if (length > MAX_DRAFT_LENGTH || written.size > MAX_DRAFT_CALLS) return { calls: [], usage };
  }
  const calls = [...written.values()].map(({ name, pieces }) => ({
    name,
    argumentsJson: pieces.join(""),
  }));
  return { calls, usage };
}

function lengthOf(event: ModelEvent): number {
  if (event.type === "call_arguments") return event.delta.length;
  return event.type === "delta" ? JSON.stringify(event.delta).length : 0;
}
