/**
 * McpExchange: the one way an MCP client reaches its server, for the length of one call or listing.
 *
 * The SDK is given this `fetch` and no other. Every request passes the egress guard, nothing is redirected, and all
 * answers together are cut at a number of decoded bytes. The first thing that goes wrong is kept in `failure`, because
 * what the SDK throws tells less, and ends the exchange. `close` leaves nothing open but the notice of a cancel, which
 * is given to `defer` and has its own short limit.
 *
 * The standalone stream a server of 2025-11-25 may offer (GET) is never opened: it would hold one of the invocation's
 * six connections for nothing. A GET that resumes a broken answer is sent.
 */

import { isJsonObject } from "../../platform/canonical-json.ts";
import { checkEgress } from "../egress-guard.ts";
import { parseJson } from "../json-member.ts";
import { discard, headersOf, isDecoded, streamed } from "../read-body.ts";
import { refuseHeaders } from "../request-headers.ts";
import { retryAfterMs } from "../retry-after.ts";
import type { McpFailure } from "./mcp-failure.ts";

/** How long telling a server that a call was cancelled may take. */
const NOTICE_TIMEOUT_MS = 2_000;

/** A server's answers to one exchange are no more than this many requests: hand-shake, pages, resumed streams. */
const MAX_REQUESTS = 100;

/** Rules and surroundings of one exchange. */
export interface ExchangeOptions {
  /** Sent with every request; credentials among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly allowLoopback: boolean;
  /** Decoded bytes of all answers together. */
  readonly maxBytes: number;
  /** Takes what may outlive the exchange. */
  readonly defer: (work: Promise<unknown>) => void;
}

const CANCELLED = "notifications/cancelled";

type Fetch = (target: string | URL, init?: RequestInit) => Promise<Response>;

/** One exchange. Whoever makes it calls `close`. */
export class McpExchange {
  readonly #options: ExchangeOptions;
  readonly #network = new AbortController();
  readonly #ended = new AbortController();
  readonly #caller: AbortSignal;
  #bytesLeft: number;
  #requests = 0;
  #isSent = false;
  /** The session header is only the client's own mark of being warm and must not be sent. */
  hidesSession = false;
  /** Why the exchange ended early, or null. */
  failure: McpFailure | null = null;
  /** Status of the last error answer, or null. */
  refusal: { readonly status: number; readonly retryAfterMs: number | null } | null = null;

  /** `caller` ends the exchange when it aborts. */
  constructor(options: ExchangeOptions, caller: AbortSignal) {
    this.#options = options;
    this.#caller = caller;
    this.#bytesLeft = options.maxBytes;
    if (caller.aborted) this.#onAbort();
    else caller.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Aborts when the exchange has failed or its caller has gone. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** True once a request has left, so that it may have reached the server. */
  get isSent(): boolean {
    return this.#isSent;
  }

  /** Ends the exchange; only the first cause counts. */
  fail(failure: McpFailure): void {
    this.failure ??= failure;
    this.#ended.abort();
  }

  /** Closes every connection. */
  close(): void {
    this.#caller.removeEventListener("abort", this.#onAbort);
    this.#network.abort();
  }

  readonly #onAbort = (): void => this.fail({ kind: "cancelled", sent: this.#isSent });

  /** What the SDK sends with. Rejects when nothing came back; why is in `failure`. */
  readonly fetch: Fetch = async (target, init = {}) => {
    const headers = this.#headersOf(init);
    const isGet = (init.method ?? "GET") === "GET";
    if (isGet && headers["last-event-id"] === undefined) return new Response(null, { status: 405 });
    const url = String(target);
    const refused = this.#refuse(url, headers);
    if (refused !== null) throw this.#broken(refused);
    this.#isSent = true;
    if (isCancelNotice(init)) return this.#notice(url, headers, init);
    const signals = [this.#network.signal, ...(init.signal ? [init.signal] : [])];
    let response: Response;
    try {
      response = await fetch(url, {
        method: init.method ?? "GET",
        headers,
        body: init.body ?? null,
        redirect: "manual",
        signal: AbortSignal.any(signals),
      });
    } catch {
      throw this.#broken({ kind: "unreachable", sent: true });
    }
    return this.#bounded(response);
  };

  #headersOf(init: RequestInit): Record<string, string> {
    const headers = {
      ...Object.fromEntries(new Headers(init.headers)),
      ...this.#options.headers,
    };
    const { "mcp-session-id": _session, ...others } = headers;
    return this.hidesSession ? others : headers;
  }

  #refuse(url: string, headers: Readonly<Record<string, string>>): McpFailure | null {
    this.#requests += 1;
    if (this.#requests > MAX_REQUESTS) {
      return {
        kind: "invalid_response",
        reason: "It takes too many requests.",
        status: 0,
        sent: true,
      };
    }
    const reason = refuseHeaders(headers);
    if (reason !== null) return { kind: "request_refused", reason, sent: false };
    const checked = checkEgress(url, this.#options);
    return checked.ok
      ? null
      : { kind: "egress_refused", reason: checked.error.reason, sent: false };
  }

  /** Outlives the exchange: the server should hear that nobody waits any more. */
  async #notice(
    url: string,
    headers: Record<string, string>,
    { body = null }: RequestInit,
  ): Promise<Response> {
    const signal = AbortSignal.timeout(NOTICE_TIMEOUT_MS);
    const sent = fetch(url, { method: "POST", headers, body, redirect: "manual", signal }).then(
      (response) => discard(response.body),
      () => undefined,
    );
    this.#options.defer(sent);
    await sent;
    return new Response(null, { status: 202 });
  }

  async #bounded(response: Response): Promise<Response> {
    const { status } = response;
    const headers = headersOf(response);
    if (status >= 300 && status < 400) {
      await discard(response.body);
      const reason = "An MCP server may not redirect.";
      throw this.#broken({ kind: "redirect_refused", reason, status, sent: true });
    }
    if (!isDecoded(headers)) {
      await discard(response.body);
      const reason = "The content coding is not supported.";
      throw this.#broken({ kind: "invalid_response", reason, status, sent: true });
    }
    if (status >= 400) {
      const retryAfter = headers["retry-after"] ?? null;
      this.refusal = { status, retryAfterMs: retryAfterMs(retryAfter, Date.now()) };
    }
    const empty = response.body === null || status === 204;
    // The coding is undone and the length is not known any more.
    const kept = new Headers(
      Object.entries(headers).filter(([name]) => !/^content-(encoding|length)$/.test(name)),
    );
    return new Response(empty ? null : this.#counted(response.body), {
      status,
      headers: kept,
    });
  }

  /** The body as far as it may be long. A connection that breaks is `unreachable`, whatever its prose. */
  #counted(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const chunks = streamed(body);
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const chunk = await chunks.read();
        if (chunk === "end") return controller.close();
        if (chunk === "broken") {
          return controller.error(this.#broken({ kind: "unreachable", sent: true }));
        }
        this.#bytesLeft -= chunk.byteLength;
        if (this.#bytesLeft >= 0) return controller.enqueue(chunk);
        const { maxBytes } = this.#options;
        controller.error(this.#broken({ kind: "too_large", maxBytes, sent: true }));
        await discard(chunks);
      },
      cancel: () => discard(chunks),
    });
  }

  /** What is thrown into the SDK says nothing: `failure` does. */
  #broken(failure: McpFailure): Error {
    this.fail(failure);
    return new Error("The exchange has ended.");
  }
}

/** Only the message's own method counts: a tool's arguments may hold any words. */
function isCancelNotice({ body }: RequestInit): boolean {
  if (typeof body !== "string" || !body.includes(CANCELLED)) return false;
  const message = parseJson(body);
  return isJsonObject(message) && message["method"] === CANCELLED;
}
