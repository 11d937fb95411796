/** What every route that asks a model reads first, in the order in which it is refused: caller, body, tools, idempotency key. */

import type { Context } from "hono";

import type { OfferedTools, RunCaller } from "../assembly/start-run.ts";
import type { GatewayError } from "../contract/error.ts";
import type { Schema } from "../contract/parse.ts";
import { ok, type Result } from "../platform/result.ts";
import { MAX_CHAT_BODY_BYTES, readBody } from "./body.ts";
import { loadCaller } from "./caller.ts";
import type { EdgeEnv } from "./edge-env.ts";
import { readIdempotencyKey, readToolChoice } from "./run-headers.ts";

/** A request for a model that may be carried out. */
export interface ModelRequest<T> {
  readonly caller: RunCaller;
  readonly body: T;
  readonly tools: OfferedTools;
  readonly idempotencyKey: string | null;
}

/** Reads a request whose body has the form of `schema`. */
export async function readModelRequest<T>(
  c: Context<EdgeEnv>,
  schema: Schema<T>,
): Promise<Result<ModelRequest<T>, GatewayError>> {
  const caller = await loadCaller(c);
  if (!caller.ok) return caller;
  const body = await readBody(c.req.raw, schema, { maxBytes: MAX_CHAT_BODY_BYTES });
  if (!body.ok) return body;
  const { snapshot, key } = caller.value;
  const tools = readToolChoice(c.req.header("x-gw-tools"), snapshot.tools, key.tools);
  if (!tools.ok) return tools;
  const idempotencyKey = readIdempotencyKey(c.req.header("idempotency-key"));
  if (!idempotencyKey.ok) return idempotencyKey;
  return ok({
    caller: caller.value,
    body: body.value,
    tools: tools.value,
    idempotencyKey: idempotencyKey.value,
  });
}
