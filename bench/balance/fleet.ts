/**
 * Upstreams of the simulation: each serves so many requests at once, the others wait in order of arrival; serving takes a
 * lognormal time. An upstream may fail at once instead, taking no place.
 */

import type { Events } from "./events.ts";

/** σ of the logarithm of a service time. */
const SIGMA = 0.5;

/** How long an error takes. */
const ERROR_MS = 5;

/** One upstream. */
export interface Upstream {
  readonly slots: number;
  /** Median time of one request, ms; changes as the scenario wants. */
  medianMs: number;
  isFailing: boolean;
}

/** A lognormal time with this median, by Box and Muller. */
export function lognormal(medianMs: number, random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return medianMs * Math.exp(SIGMA * normal);
}

/** Mean of a lognormal time, as a multiple of its median. */
export const MEAN_OVER_MEDIAN = Math.exp(SIGMA ** 2 / 2);

/** Serves requests of one upstream. */
export class Server {
  readonly #events: Events;
  readonly #random: () => number;
  readonly #waiting: (() => void)[] = [];
  #busy = 0;
  /** Requests it was sent. */
  received = 0;
  readonly upstream: Upstream;

  constructor(upstream: Upstream, events: Events, random: () => number) {
    this.upstream = upstream;
    this.#events = events;
    this.#random = random;
  }

  /** Sends a request; `answered` is called with whether it succeeded. */
  send(answered: (succeeded: boolean) => void): void {
    this.received += 1;
    if (this.upstream.isFailing) {
      this.#events.in(ERROR_MS, () => answered(false));
      return;
    }
    const serve = (): void => {
      this.#busy += 1;
      this.#events.in(lognormal(this.upstream.medianMs, this.#random), () => {
        this.#busy -= 1;
        answered(true);
        this.#waiting.shift()?.();
      });
    };
    if (this.#busy < this.upstream.slots) serve();
    else this.#waiting.push(serve);
  }
}
