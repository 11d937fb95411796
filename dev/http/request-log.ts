/** The last requests a local server received, for tests to look at. Bounded; only loopback can read it. */

import type { Exchange } from "./listen.ts";
import { epochMs } from "./traffic.ts";

/** One request as it arrived. */
export interface SeenRequest {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Keeps the last `capacity` requests. */
export class RequestLog {
  readonly #capacity: number;
  #seen: SeenRequest[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Records a request. */
  add({ method, url, request, body }: Exchange): void {
    this.#seen.push({
      at: epochMs(),
      method,
      path: url.pathname + url.search,
      headers: request.headers,
      body,
    });
    if (this.#seen.length > this.#capacity) this.#seen.shift();
  }

  /** The requests, oldest first. */
  all(): readonly SeenRequest[] {
    return this.#seen;
  }

  /** Forgets them. */
  clear(): void {
    this.#seen = [];
  }
}
