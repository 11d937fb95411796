/**
 * Asks a model one turn, through the `openai` package and our own eyes.
 *
 * The package builds the request; its `fetch` is ours, so the URL passes the egress guard, redirects are refused, only
 * the headers named here leave, and the body is read by our parser under our bounds. It never sees an error body, which
 * it would read without a bound, nor the key.
 */

import type { ModelEvent } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import { isJsonArray, isJsonObject, type JsonObject } from "../platform/canonical-json.ts";
import { type Result, fail, ok } from "../platform/result.ts";
import { AnswerStream } from "./answer-stream.ts";
import { type AnswerTimeouts, AnswerWatch } from "./answer-watch.ts";
import {
  createChatAnswerParser,
  createChatStreamParser,
  type ParserOptions,
} from "./chat-stream.ts";
import { checkEgress } from "./egress-guard.ts";
import { postJson } from "./openai-client.ts";
import { type Chunks, chunksOf, discard, headersOf, isDecoded, readText } from "./read-body.ts";
import { rejected } from "./rejection.ts";
import { refuseHeader } from "./request-headers.ts";
import { retryAfterMs } from "./retry-after.ts";

/** How the gateway names itself to model providers. */
const USER_AGENT = "toolformer-edge";

/** Bytes of an error body that are looked at for its code. */
const MAX_ERROR_BYTES = 64 * 1024;

/** One question to a model provider. */
export interface ModelRequest {
  /** Base URL of an OpenAI-compatible API, such as `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  /** Sent as a bearer token; null sends no Authorization header. */
  readonly apiKey: string | null;
  /** The chat completion request; `stream` decides how the answer comes. */
  readonly body: JsonObject;
  readonly timeouts: AnswerTimeouts;
  readonly allowLoopback: boolean;
  /** Must live as long as the answer is read: its abort closes the connection at any time. */
  readonly signal: AbortSignal;
}

/**
 * Sends the request and resolves once the response headers are in; an error status, a redirect or no connection is a
 * failure. The caller owns the iterable: read it to the end or leave it with `return()`.
 */
export async function askChatModel(
  request: ModelRequest,
): Promise<Result<AsyncIterable<ModelEvent>, GatewayError>> {
  const refusal = refuseRequest(request);
  if (refusal !== null) return fail({ code: "egress_refused", detail: refusal });
  if (request.signal.aborted) return fail({ code: "cancelled" });
  const watch = new AnswerWatch(request.timeouts.totalMs, request.signal);
  const answered = await watch.within(request.timeouts.firstByteMs, () =>
    openAnswer(request, watch),
  );
  if (!answered.ok) {
    watch.close();
    return answered;
  }
  const { chunks, streamed } = answered.value;
  const options = parserOptions(request.body);
  const parser = streamed ? createChatStreamParser(options) : createChatAnswerParser(options);
  return ok(new AnswerStream(chunks, parser, watch, request.timeouts.idleMs));
}

/** The rule that forbids this request, or null. */
function refuseRequest(request: ModelRequest): string | null {
  const checked = checkEgress(request.baseUrl, request);
  if (!checked.ok) return checked.error.reason;
  return request.apiKey === null ? null : refuseHeader("authorization", `Bearer ${request.apiKey}`);
}

/** An answer whose headers are in. */
interface OpenAnswer {
  readonly chunks: Chunks;
  readonly streamed: boolean;
}

async function openAnswer(
  request: ModelRequest,
  watch: AnswerWatch,
): Promise<Result<OpenAnswer, GatewayError>> {
  const sent: { outcome: Result<OpenAnswer, GatewayError> } = {
    outcome: fail({ code: "internal" }),
  };
  const url = `${request.baseUrl.replace(/\/+$/, "")}/chat/completions`;
  await postJson(url, request.body, request.timeouts.totalMs, async (target, body) => {
    sent.outcome = await send(request, target, body, watch);
    return sent.outcome.ok;
  });
  return sent.outcome;
}

async function send(
  request: ModelRequest,
  url: string,
  body: BodyInit | null,
  watch: AnswerWatch,
): Promise<Result<OpenAnswer, GatewayError>> {
  const checked = checkEgress(url, request);
  if (!checked.ok) return fail({ code: "egress_refused", detail: checked.error.reason });
  const streamed = request.body["stream"] === true;
  const headers = {
    accept: streamed ? "text/event-stream" : "application/json",
    "content-type": "application/json",
    "user-agent": USER_AGENT,
    ...(request.apiKey === null ? {} : { authorization: `Bearer ${request.apiKey}` }),
  };
  const init: RequestInit = {
    method: "POST",
    headers,
    body,
    redirect: "manual",
    signal: watch.signal,
  };
  const response = await fetch(url, init).catch(() => null);
  if (response === null) return fail(watch.ended ?? { code: "upstream_unreachable" });
  if (response.status >= 400) return fail(watch.ended ?? (await readRejection(response)));
  if (response.status >= 300) {
    await discard(response.body);
    return fail({ code: "egress_refused", detail: "The model provider answered with a redirect." });
  }
  const received = headersOf(response);
  if (response.body === null || !isDecoded(received)) {
    await discard(response.body);
    return fail({ code: "upstream_invalid_response" });
  }
  // Some providers ignore `stream`, so what came decides how it is read.
  const contentType = received["content-type"] ?? "";
  const isStream = /^text\/event-stream/i.test(contentType);
  return ok({
    chunks: chunksOf(response, received),
    streamed: isStream || (streamed && !/json/i.test(contentType)),
  });
}

async function readRejection(response: Response): Promise<GatewayError> {
  const received = headersOf(response);
  const text = await readText(response, received, MAX_ERROR_BYTES);
  const waitMs = retryAfterMs(received["retry-after"] ?? null, Date.now());
  return rejected(response.status, text.ok ? parseJson(text.value) : null, waitMs);
}

/** Names of the tools offered in this request; they help to tell calls apart. */
function parserOptions(body: JsonObject): ParserOptions {
  const tools = body["tools"] ?? null;
  const names = tools !== null && isJsonArray(tools) ? tools.map(toolName) : [];
  return { toolNames: new Set(names.filter((name) => name !== "")) };
}

function toolName(tool: unknown): string {
  const described = isJsonObject(tool) ? tool["function"] : null;
  const name = isJsonObject(described) ? described["name"] : null;
  return typeof name === "string" ? name : "";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
