/**
 * Abort: AbortController and AbortSignal in plain JavaScript, for everything but the platform itself.
 *
 * In workerd a controller with one listener that aborts costs some 25 µs and a joined signal 10, because each is an object
 * of the runtime's; a call has half a dozen of them, and most end with their abort. These cost a fraction of one, and
 * abort only what is theirs. Who listens sees no difference; `fetch` and whatever else the platform itself obeys a signal
 * in wants one of its own: `platformSignal`.
 */

/** Who is told of an abort. */
type Listener = EventListenerOrEventListenerObject;

/** A signal that only its `Abort` raises. */
class OwnSignal implements AbortSignal {
  aborted = false;
  reason: unknown = undefined;
  onabort: AbortSignal["onabort"] = null;
  #listeners: Listener[] = [];

  addEventListener(type: string, listener: Listener): void {
    if (type === "abort" && !this.aborted && !this.#listeners.includes(listener))
      this.#listeners.push(listener);
  }

  removeEventListener(_type: string, listener: Listener): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }

  dispatchEvent(event: Event): boolean {
    const listeners = this.#listeners;
    // Nobody is told twice, and whoever comes now comes too late.
    this.#listeners = [];
    for (const listener of listeners) {
      if (typeof listener === "function") listener(event);
      else listener.handleEvent(event);
    }
    return true;
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }
}

/** What listeners are given; nobody looks at it. */
const ABORTED = new Event("abort");

/** The reason where nobody gave one. Making an exception for each costs more than the abort. */
const STOPPED = new Error("It was stopped.");

/** A signal and the way to raise it. */
export class Abort {
  readonly #signal = new OwnSignal();
  /** Ends following others. */
  #detach: (() => void)[] = [];

  get signal(): AbortSignal {
    return this.#signal;
  }

  /** Raises the signal; later calls change nothing. */
  abort(reason?: unknown): void {
    if (this.#signal.aborted) return;
    this.release();
    this.#signal.aborted = true;
    this.#signal.reason = reason ?? STOPPED;
    this.#signal.dispatchEvent(ABORTED);
  }

  /** Raises it with each of these, for their reason. `release` ends that; needed only where one of them lives on. */
  follow(...others: readonly AbortSignal[]): this {
    for (const other of others) {
      if (other.aborted) {
        this.abort(other.reason);
        return this;
      }
      const onAbort = (): void => this.abort(other.reason);
      other.addEventListener("abort", onAbort);
      this.#detach.push(() => other.removeEventListener("abort", onAbort));
    }
    return this;
  }

  /** Follows nobody any more. */
  release(): void {
    for (const detach of this.#detach) detach();
    this.#detach = [];
  }
}

/** The same signal as one of the platform's own, for `fetch` and its like. */
export function platformSignal(signal: AbortSignal): AbortSignal {
  if (!(signal instanceof OwnSignal)) return signal;
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort);
  return controller.signal;
}
