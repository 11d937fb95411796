/**
 * A tool server for tests without a network: it answers the requests of HTTP tools by a script, after as long as the script
 * says on the test's own clock, and remembers what it was asked. Give its `send` to a run.
 *
 * An address the script does not know is answered 404, as a server would. A request that is aborted ends at once and is
 * counted; nothing is left on the clock.
 */

import type { Clock } from "../../orchestration/ports.ts";
import type { UpstreamFailure } from "../../upstream/failure.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import type { UpstreamAnswer, UpstreamRequest } from "../../upstream/send.ts";
import type { CallPorts } from "../tool-set.ts";

/** A request as the script sees it. */
export interface OriginRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** The body as JSON, `null` when there is none. */
  readonly json: unknown;
}

/** What the origin does with a request. */
export interface OriginAnswer {
  /** 200 when absent. */
  readonly status?: number;
  /** The answer's body, as JSON; `null` when absent. */
  readonly json?: unknown;
  /** Until the answer is there; 0 when absent. */
  readonly afterMs?: number;
  /** Milliseconds that a `retry-after` header asks for. */
  readonly retryAfterMs?: number;
  /** Breaks the connection in place of an answer. */
  readonly breaks?: boolean;
}

/** Answers by `"GET /path"`, the same for every host; a function sees the request. */
export type OriginScript = Readonly<
  Record<string, OriginAnswer | ((request: OriginRequest) => OriginAnswer)>
>;

/** A request the origin got. Times are the clock's. */
export interface SeenRequest extends OriginRequest {
  readonly atMs: number;
  /** Null while it is open. */
  endedAtMs: number | null;
  isAborted: boolean;
}

/** Requests an origin remembers; one beyond them is an error of the test. */
export const MAX_SEEN = 10_000;

/** See above. */
export class FakeOrigin {
  readonly seen: SeenRequest[] = [];
  readonly #clock: Clock;
  readonly #script: OriginScript;

  constructor(clock: Clock, script: OriginScript) {
    this.#clock = clock;
    this.#script = script;
  }

  /** Requests that have no end yet; 0 after every run. */
  get open(): number {
    return this.seen.filter(({ endedAtMs }) => endedAtMs === null).length;
  }

  /** What the option `send` of a run takes. */
  readonly send: NonNullable<CallPorts["send"]> = async (request, _options, signal) => {
    if (this.seen.length >= MAX_SEEN)
      throw new Error(`The fake origin got more than ${MAX_SEEN} requests.`);
    const seen = { ...asked(request), atMs: this.#clock.now(), endedAtMs: null, isAborted: false };
    return this.#answer(seen, signal);
  };

  async #answer(
    seen: SeenRequest,
    signal: AbortSignal,
  ): Promise<Result<UpstreamAnswer, UpstreamFailure>> {
    this.seen.push(seen);
    const scripted = this.#script[`${seen.method} ${seen.url.pathname}`] ?? { status: 404 };
    const {
      status = 200,
      json = null,
      afterMs = 0,
      retryAfterMs = null,
      breaks = false,
    } = typeof scripted === "function" ? scripted(seen) : scripted;
    if (afterMs > 0) await this.#clock.sleep(afterMs, signal);
    seen.endedAtMs = this.#clock.now();
    if (signal.aborted) {
      seen.isAborted = true;
      return fail({ kind: "cancelled", sent: true });
    }
    if (breaks) return fail({ kind: "unreachable", sent: true });
    const headers = { "content-type": "application/json" };
    const contentType = "application/json";
    return ok({ status, contentType, text: JSON.stringify(json), headers, retryAfterMs });
  }
}

function asked({ method, url, headers, body }: UpstreamRequest): OriginRequest {
  const json: unknown = body === null ? null : JSON.parse(body);
  return { method, url, headers, json };
}
