/**
 * Runs code of ports that must not throw. What it throws all the same is a bug: it must reach whoever awaits the run, but
 * it must not leave calls without an end, so it is kept until they have one.
 */
export class PortBugs {
  #first: { readonly error: unknown } | null = null;

  /** What `work` returns, or undefined when it threw. */
  safely<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#first ??= { error };
      return undefined;
    }
  }

  /** Throws the first bug there was. */
  rethrow(): void {
    if (this.#first !== null) throw this.#first.error;
  }
}
