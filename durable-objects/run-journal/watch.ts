/** What an isolate holds while it lets a run be cancelled: dropping it, as the runtime does with a lost isolate, ends that. */

import { RpcTarget } from "cloudflare:workers";

/** Held by the isolate that runs; dropping it takes the callback away. */
export class Watch extends RpcTarget {
  readonly #stop: () => void;

  constructor(stop: () => void) {
    super();
    this.#stop = stop;
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}
