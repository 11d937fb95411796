/**
 * The `openai` package as a builder of requests.
 *
 * One client serves every tenant: making one costs more than all it does for a request. It holds nothing of anybody: URL,
 * body and the function that really sends come with each request, the key never passes through it. Its retries are off
 * (exactly one layer retries, and it is not this one).
 */

import { OpenAI } from "openai/client";

import type { JsonObject } from "../platform/canonical-json.ts";
import type { Send } from "./ask-provider.ts";

/** Rides along with the request through the package to its `fetch`. */
interface Carrier {
  readonly gatewaySend: Send;
  readonly redirect: "manual";
}

/** The package's own limit lies this much beyond the caller's, which must be the one that ends the request. */
const TIMEOUT_SLACK_MS = 1_000;

const client = new OpenAI({
  // The package insists on both; neither is ever sent.
  apiKey: "none",
  baseURL: "https://unused.invalid",
  maxRetries: 0,
  logLevel: "off",
  // Null, or it looks in the environment.
  adminAPIKey: null,
  organization: null,
  project: null,
  webhookSecret: null,
  fetch: async (target, init) => {
    const url = target instanceof Request ? target.url : String(target);
    const isSent = isCarrier(init) && (await init.gatewaySend(url, init.body ?? null));
    // The package sees only whether there is an answer; what it throws for an error says less than the outcome.
    return new Response(null, { status: isSent ? 204 : 500 });
  },
});

/** Builds `POST url` with `body` as JSON and hands it to `send`. Resolves when `send` has; never rejects. */
export async function postJson(
  url: string,
  body: JsonObject,
  timeoutMs: number,
  send: Send,
): Promise<void> {
  const carrier: Carrier = { gatewaySend: send, redirect: "manual" };
  await client
    .post(url, { body, timeout: timeoutMs + TIMEOUT_SLACK_MS, fetchOptions: carrier })
    .asResponse()
    .catch(() => null);
}

function isCarrier(init: RequestInit | undefined): init is RequestInit & Carrier {
  return init !== undefined && "gatewaySend" in init;
}
