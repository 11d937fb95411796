/**
 * Hands a request on to a provider and its answer back, byte for byte, for routes the gateway has no part in.
 *
 * Redirects are refused, error bodies are read for their code alone, and the answer is watched like a model's: headers,
 * silence and total time have their clocks, and nothing longer than the bound comes through.
 */

import type { GatewayError } from "../contract/error.ts";
import { type Result, fail, ok } from "../platform/result.ts";
import type { OnBroken } from "./answer-stream.ts";
import { type AnswerTimeouts, AnswerWatch } from "./answer-watch.ts";
import { checkEgress } from "./egress-guard.ts";
import { openProvider } from "./open-provider.ts";
import { bearerHeaders } from "./provider-headers.ts";
import { chunksOf, type Chunks } from "./read-body.ts";

/** Longest answer that is handed on, decoded. */
export const MAX_PASSED_BYTES = 100 * 1024 * 1024;

/** A request to hand on. */
export interface PassRequest {
  readonly url: string;
  readonly apiKey: string | null;
  /** JSON text, or a form, which brings its own content type. */
  readonly body: string | FormData;
  readonly timeouts: AnswerTimeouts;
  readonly allowLoopback: boolean;
  /** Must live as long as the answer is read. */
  readonly signal: AbortSignal;
  /** Told when the answer breaks off after its headers. */
  readonly onBroken: OnBroken;
  /** Shown the answer's headers, whatever its status. Absent: nobody wants to see them. */
  readonly onHeaders?: ((headers: Headers) => void) | undefined;
}

/** An answer whose headers are in. Read the bytes to their end or leave them with `return()`. */
export interface PassedAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly bytes: AsyncIterable<Result<Uint8Array, GatewayError>>;
}

/** Hands `request` on. An answer that breaks off ends with a failure, never as if it were whole. */
export async function passThrough(
  request: PassRequest,
): Promise<Result<PassedAnswer, GatewayError>> {
  const checked = checkEgress(request.url, request);
  if (!checked.ok) return fail({ code: "egress_refused", detail: checked.error.reason });
  if (request.signal.aborted) return fail({ code: "cancelled" });
  const { timeouts, apiKey, body, onBroken } = request;
  const watch = new AnswerWatch(timeouts.totalMs, request.signal);
  const headers = {
    accept: "*/*",
    ...(typeof body === "string" && { "content-type": "application/json" }),
    ...bearerHeaders(apiKey),
  };
  const opened = await watch.within(timeouts.firstByteMs, () =>
    openProvider(request.url, { headers, body }, watch, request.onHeaders),
  );
  if (!opened.ok) {
    watch.close();
    return opened;
  }
  const { response, headers: received } = opened.value;
  return ok({
    status: response.status,
    contentType: received["content-type"] ?? "application/octet-stream",
    bytes: bytesOf(chunksOf(response, received), watch, timeouts.idleMs, onBroken),
  });
}

async function* bytesOf(
  chunks: Chunks,
  watch: AnswerWatch,
  idleMs: number,
  onBroken: OnBroken,
): AsyncGenerator<Result<Uint8Array, GatewayError>> {
  let length = 0;
  let hasEnded = false;
  try {
    for (;;) {
      const chunk = await watch.within(idleMs, () => chunks.read());
      if (chunk === "broken") {
        yield fail(onBroken(watch.ended ?? { code: "upstream_unreachable" }));
        return;
      }
      hasEnded = chunk === "end";
      if (chunk === "end") return;
      length += chunk.byteLength;
      if (length > MAX_PASSED_BYTES) {
        yield fail(onBroken({ code: "upstream_invalid_response" }));
        return;
      }
      yield ok(chunk);
    }
  } finally {
    watch.close(hasEnded);
  }
}
