/**
 * The one answer a client sees, however many turns it takes: text of all turns in one message, with an empty line
 * between the texts of two turns. In a run of items the texts stay apart and the gateway's calls are said too.
 *
 * Nothing more is said once the client has gone: a reader that no longer reads must not keep a cancelled run alive.
 */

import type { ChatEvent } from "../contract/chat.ts";
import type { GatewayCallEvent } from "../contract/gateway-call.ts";
import type { Json, JsonObject } from "../platform/canonical-json.ts";

/** Fields of a delta that hold running text. */
const TEXT_FIELDS = ["content", "reasoning_content", "reasoning"] as const;

/** What has been said of one answer so far. */
export class ChatAnswer {
  readonly #emit: (event: ChatEvent) => Promise<void>;
  readonly #signal: AbortSignal;
  readonly #asItems: boolean;
  readonly #earlierText = new Set<string>();
  readonly #textOfTurn = new Set<string>();
  readonly #waiting = new Set<() => void>();
  #isStarted = false;
  #isWatched = false;

  /** `signal` is the client's: when it aborts, waiting for the reader ends. */
  constructor(emit: (event: ChatEvent) => Promise<void>, signal: AbortSignal, asItems = false) {
    this.#emit = emit;
    this.#signal = signal;
    this.#asItems = asItems;
  }

  /** True once the answer has become a stream. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Begins the next turn; the first time, begins the answer. */
  async beginTurn(run: string, model: string): Promise<void> {
    for (const field of this.#textOfTurn) this.#earlierText.add(field);
    this.#textOfTurn.clear();
    if (this.#isStarted) return;
    this.#isStarted = true;
    await this.say({ type: "started", run, model });
  }

  /** Hands on one delta, after an empty line when it begins a later turn's text. */
  async delta(delta: JsonObject, logprobs: Json | undefined): Promise<void> {
    for (const field of TEXT_FIELDS) {
      const text = delta[field];
      if (typeof text !== "string" || text === "" || this.#textOfTurn.has(field)) continue;
      this.#textOfTurn.add(field);
      if (this.#earlierText.has(field) && !this.#asItems)
        await this.say({ type: "delta", delta: { [field]: "\n\n" } });
    }
    await this.say(
      logprobs === undefined ? { type: "delta", delta } : { type: "delta", delta, logprobs },
    );
  }

  /** Says a step of a gateway call where calls are shown. */
  async item(event: GatewayCallEvent): Promise<void> {
    if (this.#asItems) await this.say(event);
  }

  /** Says one event and waits for its reader. */
  async say(event: ChatEvent): Promise<void> {
    if (this.#signal.aborted) return;
    if (!this.#isWatched) this.#watch();
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    try {
      await Promise.race([this.#emit(event), gone]);
    } finally {
      this.#waiting.delete(resolve);
    }
  }

  /** One listener for all waits: the signal lives as long as the answer. */
  #watch(): void {
    this.#isWatched = true;
    const leave = (): void => {
      for (const resolve of this.#waiting) resolve();
    };
    this.#signal.addEventListener("abort", leave, { once: true });
  }
}
