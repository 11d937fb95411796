/**
 * Asks a model provider one turn, whatever its protocol: egress guard, clocks, the request itself, and the answer as events.
 *
 * A protocol brings the request's bytes, its headers and a parser. Redirects are refused, only the headers named by the
 * protocol leave, and of an error body only its code is read, under a bound.
 */

import type { ModelEvent } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import { isJsonArray, isJsonObject, type JsonObject } from "../platform/canonical-json.ts";
import { type Result, fail, ok } from "../platform/result.ts";
import type { AnswerParser, ParserOptions } from "./answer-parser.ts";
import { AnswerStream, type OnBroken } from "./answer-stream.ts";
import { type AnswerTimeouts, AnswerWatch } from "./answer-watch.ts";
import { checkEgress } from "./egress-guard.ts";
import { openProvider } from "./open-provider.ts";
import { type Chunks, chunksOf } from "./read-body.ts";
import { refuseHeaders } from "./request-headers.ts";
import { unfoldWrapperCalls } from "./wrapper-calls.ts";

/** One question to a model provider. */
export interface ModelRequest {
  /** Base URL of the provider's API, such as `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  /** Sent as the provider's protocol wants it; null sends none. */
  readonly apiKey: string | null;
  /** The chat completion request; `stream` decides how the answer comes. */
  readonly body: JsonObject;
  readonly timeouts: AnswerTimeouts;
  readonly allowLoopback: boolean;
  /** Must live as long as the answer is read: its abort closes the connection at any time. */
  readonly signal: AbortSignal;
  /** Told when the answer breaks off after its headers. */
  readonly onBroken?: OnBroken;
  /** Shown the answer's headers, whatever its status. Absent: nobody wants to see them. */
  readonly onHeaders?: ((headers: Headers) => void) | undefined;
}

/**
 * Asks one turn. Resolves once the response headers are in; an error status, a redirect, no connection, or a request that
 * the protocol cannot express is a failure. The caller owns the iterable: read it to the end or leave it with `return()`.
 */
export type AskProvider = (
  request: ModelRequest,
) => Promise<Result<AsyncIterable<ModelEvent>, GatewayError>>;

/** Sends bytes to a URL; true when there is an answer. Does not reject. */
export type Send = (url: string, body: BodyInit | null) => Promise<boolean>;

/** What a protocol makes of a question. */
export interface Protocol {
  /** Appended to the base URL. */
  readonly path: string;
  /** The provider's own headers; what is common is added. */
  readonly headers: Readonly<Record<string, string>>;
  /** Hands the request's bytes to `send`, once. */
  readonly deliver: (url: string, send: Send) => Promise<unknown>;
  readonly parser: (isStream: boolean, options: ParserOptions) => AnswerParser;
}

/** Asks `request` by `protocol`; see `AskProvider`. */
export async function askProvider(
  request: ModelRequest,
  protocol: Protocol,
): Promise<Result<AsyncIterable<ModelEvent>, GatewayError>> {
  const checked = checkEgress(request.baseUrl, request);
  const refusal = checked.ok ? refuseHeaders(protocol.headers) : checked.error.reason;
  if (refusal !== null) return fail({ code: "egress_refused", detail: refusal });
  if (request.signal.aborted) return fail({ code: "cancelled" });
  const watch = new AnswerWatch(request.timeouts.totalMs, request.signal);
  const answered = await watch.within(request.timeouts.firstByteMs, () =>
    openAnswer(request, protocol, watch),
  );
  if (!answered.ok) {
    watch.close();
    return answered;
  }
  const { chunks, isStream } = answered.value;
  const toolNames = offeredNames(request.body);
  const parser = unfoldWrapperCalls(protocol.parser(isStream, { toolNames }), toolNames);
  return ok(new AnswerStream(chunks, parser, watch, request.timeouts.idleMs, request.onBroken));
}

/** Delivers a body that is ready as it is. */
export function deliverJson(body: JsonObject): Protocol["deliver"] {
  return (url, send) => send(url, JSON.stringify(body));
}

/** An answer whose headers are in. */
interface OpenAnswer {
  readonly chunks: Chunks;
  readonly isStream: boolean;
}

async function openAnswer(
  request: ModelRequest,
  protocol: Protocol,
  watch: AnswerWatch,
): Promise<Result<OpenAnswer, GatewayError>> {
  const sent: { outcome: Result<OpenAnswer, GatewayError> } = {
    outcome: fail({ code: "internal" }),
  };
  await protocol.deliver(request.baseUrl.replace(/\/+$/, "") + protocol.path, async (url, body) => {
    sent.outcome = await fetchAnswer(request, protocol, { url, body }, watch);
    return sent.outcome.ok;
  });
  return sent.outcome;
}

async function fetchAnswer(
  request: ModelRequest,
  protocol: Protocol,
  { url, body }: { readonly url: string; readonly body: BodyInit | null },
  watch: AnswerWatch,
): Promise<Result<OpenAnswer, GatewayError>> {
  const checked = checkEgress(url, request);
  if (!checked.ok) return fail({ code: "egress_refused", detail: checked.error.reason });
  const isStreamWanted = request.body["stream"] === true;
  const headers = {
    accept: isStreamWanted ? "text/event-stream" : "application/json",
    "content-type": "application/json",
    ...protocol.headers,
  };
  const opened = await openProvider(url, { headers, body }, watch, request.onHeaders);
  if (!opened.ok) return opened;
  const { response, headers: received } = opened.value;
  // Some providers ignore `stream`, so what came decides how it is read.
  const contentType = received["content-type"] ?? "";
  const isStream =
    /^text\/event-stream/i.test(contentType) || (isStreamWanted && !/json/i.test(contentType));
  return ok({ chunks: chunksOf(response, received), isStream });
}

/** Names of the tools offered in this request; they help to tell calls apart. */
function offeredNames(body: JsonObject): ReadonlySet<string> {
  const tools = body["tools"] ?? null;
  const names = tools !== null && isJsonArray(tools) ? tools.map(toolName) : [];
  return new Set(names.filter((name) => name !== ""));
}

function toolName(tool: unknown): string {
  if (!isJsonObject(tool)) return "";
  const described = tool["function"] ?? tool["custom"];
  const name = isJsonObject(described) ? described["name"] : null;
  return typeof name === "string" ? name : "";
}
