/**
 * Recording: the events of one run as lines of text, which any number of readers follow from the beginning.
 *
 * It lives in memory while the run goes on and is bounded in bytes; what a reader has not taken costs nothing extra,
 * because every reader walks the same list.
 */

/** Characters one recording may hold; a run that says more is stopped. */
export const MAX_RECORDED_CHARACTERS = 32 * 1024 * 1024;

export class Recording {
  readonly #lines: string[] = [];
  #characters = 0;
  #ended = false;
  #changed = Promise.withResolvers<undefined>();

  /** A recording that has already ended. */
  static finished(lines: readonly string[]): Recording {
    const recording = new Recording();
    for (const line of lines) recording.append(line);
    recording.end();
    return recording;
  }

  /** The lines so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Adds a line; false when it does not fit, in which case it was not added. */
  append(line: string): boolean {
    if (this.#characters + line.length > MAX_RECORDED_CHARACTERS) return false;
    this.#characters += line.length;
    this.#lines.push(line);
    this.#wake();
    return true;
  }

  /** Says that no line follows. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** All lines from the first, waiting for those to come; ends with the recording. */
  async *follow(): AsyncGenerator<string, void, undefined> {
    for (let next = 0; ;) {
      const line = this.#lines[next];
      if (line !== undefined) {
        next += 1;
        yield line;
      } else if (this.#ended) {
        return;
      } else {
        await this.#changed.promise;
      }
    }
  }

  #wake(): void {
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers<undefined>();
  }
}
