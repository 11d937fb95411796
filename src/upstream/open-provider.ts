/**
 * Posts to a model provider and waits for the headers of a usable answer: no redirect, no error status, a content coding
 * the runtime has undone. Of an error body only its code is read, under a bound.
 */

import type { GatewayError } from "../contract/error.ts";
import { type Result, fail, ok } from "../platform/result.ts";
import type { AnswerWatch } from "./answer-watch.ts";
import { parseJson } from "./json-member.ts";
import { bodyHeaders, discard, type HeaderRecord, isDecoded, readText } from "./read-body.ts";
import { rejected } from "./rejection.ts";
import { retryAfterMs } from "./retry-after.ts";

/** How the gateway names itself to model providers. */
const USER_AGENT = "toolformer-edge";

/** Bytes of an error body that are looked at for its code. */
const MAX_ERROR_BYTES = 64 * 1024;

/** An answer whose body nobody has read yet. */
export interface OpenedAnswer {
  readonly response: Response;
  readonly headers: HeaderRecord;
}

/** What is posted. */
export interface ProviderPost {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: BodyInit | null;
}

/** Posts to `url`, which has passed the egress guard. `onHeaders` is shown the answer's headers, whatever its status. */
export async function openProvider(
  url: string,
  { headers, body }: ProviderPost,
  watch: AnswerWatch,
  onHeaders?: (headers: Headers) => void,
): Promise<Result<OpenedAnswer, GatewayError>> {
  const init: RequestInit = {
    method: "POST",
    headers: { "user-agent": USER_AGENT, ...headers },
    body,
    redirect: "manual",
    signal: watch.signal,
  };
  const response = await fetch(url, init).catch(() => null);
  if (response === null) return fail(watch.ended ?? { code: "upstream_unreachable" });
  onHeaders?.(response.headers);
  if (response.status >= 400) return fail(watch.ended ?? (await readRejection(response)));
  if (response.status >= 300) {
    await discard(response.body);
    return fail({ code: "egress_refused", detail: "The model provider answered with a redirect." });
  }
  const received = bodyHeaders(response);
  if (response.body === null || !isDecoded(received)) {
    await discard(response.body);
    return fail({ code: "upstream_invalid_response" });
  }
  return ok({ response, headers: received });
}

async function readRejection(response: Response): Promise<GatewayError> {
  const received = bodyHeaders(response);
  const text = await readText(response, received, MAX_ERROR_BYTES);
  const waitMs = retryAfterMs(received["retry-after"] ?? null, Date.now());
  return rejected(response.status, text.ok ? parseJson(text.value) : null, waitMs);
}
