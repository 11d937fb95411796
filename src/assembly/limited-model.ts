/**
 * LimitedModel: every turn of a model under its tenant's limits on tokens and money.
 *
 * What is reserved before is settled when the turn ends; a turn that ends without being counted, because its client left or
 * its provider broke, is settled by what was read of it.
 */

import type { ModelEvent } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import type { JsonObject } from "../platform/canonical-json.ts";
import { ok, type Result } from "../platform/result.ts";
import { limitsTurns } from "../tenancy/limit-draws.ts";
import { routeModel } from "./ask-model.ts";
import { UNKNOWN_CALLER } from "./limited-lanes.ts";
import { countedTokens, NO_TOKENS, reserveTurn, type TurnTokens } from "./model-turn.ts";
import type { RunContext } from "./run-context.ts";

type AskModel = (
  body: JsonObject,
  signal: AbortSignal,
) => Promise<Result<AsyncIterable<ModelEvent>, GatewayError>>;

/** The same model port under the limits; as it was when nothing limits its turns. */
export function limitedModel(
  env: Pick<Env, "TENANT_GATE" | "ROLE">,
  { snapshot, caller = UNKNOWN_CALLER }: RunContext,
  defer: (work: Promise<unknown>) => void,
  askModel: AskModel,
): AskModel {
  if (!limitsTurns(snapshot, caller)) return askModel;
  return async (body, signal) => {
    const model = typeof body["model"] === "string" ? body["model"] : "";
    const route = routeModel(snapshot, model);
    // The port itself says that nobody has this model.
    if (route === null) return askModel(body, signal);
    const turn = await reserveTurn(
      { env, snapshot, caller, defer },
      {
        upstreamName: route.name,
        upstream: route.upstream,
        model,
        reads: [body["messages"] ?? null, body["tools"] ?? null],
        maxOutput: maxOutputOf(body),
      },
    );
    if (!turn.ok) return turn;
    const { input, settle } = turn.value;
    const asked = await askModel(body, signal);
    if (!asked.ok) {
      settle(NO_TOKENS, false);
      return asked;
    }
    return ok(settled(asked.value, input, settle));
  };
}

/** The bound a request sets to its answer, in tokens. */
export function maxOutputOf(body: JsonObject): number | null {
  const bounds = [body["max_completion_tokens"], body["max_tokens"]];
  return bounds.find((bound) => typeof bound === "number") ?? null;
}

/** The same events; when they end in whatever way, `done` is told what the turn used. */
async function* settled(
  events: AsyncIterable<ModelEvent>,
  input: number,
  done: (used: TurnTokens, isCounted: boolean) => void,
): AsyncGenerator<ModelEvent> {
  let usage: JsonObject | null = null;
  let text = 0;
  try {
    for await (const event of events) {
      if (event.type === "usage") ({ usage } = event);
      else if (event.type === "call_arguments") text += event.delta.length;
      else if (event.type === "delta") text += lengthOf(event.delta);
      yield event;
    }
  } finally {
    // Four characters a token, where nobody counted.
    const read = { input, cachedInput: 0, output: Math.ceil(text / 4) };
    done(usage === null ? read : countedTokens(usage, read), usage !== null);
  }
}

function lengthOf(delta: JsonObject): number {
  return Object.values(delta).reduce<number>(
    (sum, value) => sum + (typeof value === "string" ? value.length : 0),
    0,
  );
}
