/**
 * Provider: a port to one model. The run core speaks OpenAI's chat form inside, whatever the provider speaks, so a provider
 * is a function from a chat completion request to what the model said, event by event.
 */

import type { ModelEvent } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import type { JsonObject } from "../platform/canonical-json.ts";
import type { Result } from "../platform/result.ts";
import { askMessagesModel } from "../upstream/anthropic/ask-messages.ts";
import type { AskProvider } from "../upstream/ask-provider.ts";
import { askChatModel } from "../upstream/chat-model.ts";
import { askResponsesModel } from "../upstream/responses/ask-responses.ts";

/**
 * Asks the model one turn. Resolve once it has begun to answer; a failure is `{ok: false, error}`, never an exception. The
 * events end after `finish` or `failed`; stop when the iterable is left or `signal` aborts.
 */
export type Provider = (
  body: JsonObject,
  signal: AbortSignal,
) => Promise<Result<AsyncIterable<ModelEvent>, GatewayError>>;

/** A model server over HTTP. */
export interface HttpProviderOptions {
  /** `openai` (when absent) is any server of chat completions. */
  readonly kind?: "openai" | "openai_responses" | "anthropic";
  /** Such as `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  /** Absent: none is sent. */
  readonly apiKey?: string;
  /** Milliseconds: until the headers (30,000), between two pieces (30,000), in all (120,000). */
  readonly timeouts?: {
    readonly firstByteMs?: number;
    readonly idleMs?: number;
    readonly totalMs?: number;
  };
  /** Lets the URL be of this machine, over http; for development. */
  readonly allowLoopback?: boolean;
}

const TIMEOUTS = { firstByteMs: 30_000, idleMs: 30_000, totalMs: 120_000 };

const KINDS: Readonly<Record<NonNullable<HttpProviderOptions["kind"]>, AskProvider>> = {
  openai: askChatModel,
  openai_responses: askResponsesModel,
  anthropic: askMessagesModel,
};

/** A provider over HTTP, as the gateway itself asks it: no redirects, no private addresses, every wait with a limit. */
export function httpProvider(options: HttpProviderOptions): Provider {
  const { kind = "openai", baseUrl, apiKey = null, allowLoopback = false } = options;
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  return (body, signal) => KINDS[kind]({ baseUrl, apiKey, body, timeouts, allowLoopback, signal });
}
