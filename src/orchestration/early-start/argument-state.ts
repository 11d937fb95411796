/**
 * Follows the text of one call's arguments as the model writes it and says when its top-level object is closed.
 *
 * A closed object is a weak signal: providers append to what could be parsed already (`{}` and then the real arguments,
 * two objects under one index), so whoever starts a call on it must be able to take the start back. Any character but
 * white space after the end takes it back and the text counts as broken from then on, because no parser reads two values.
 * Only what decides about the end is followed, strings, escapes and depth; whether the text is JSON is for the parser to
 * say, once, at the close. Code units suffice: every character with a meaning here is ASCII, and half a surrogate
 * pair at the end of a piece has none.
 */

/** `open`: more must come. `closed`: the object is complete unless more comes. `broken`: never one JSON object. */
export type ArgumentPhase = "open" | "closed" | "broken";

const SPACE = /^[ \t\n\r]*$/;

/** Follows one text; see above. */
export class ArgumentState {
  #phase: ArgumentPhase = "open";
  #depth = 0;
  #inString = false;
  #isEscaped = false;

  /** What the text so far is. */
  get phase(): ArgumentPhase {
    return this.#phase;
  }

  /** Takes the next piece. Each character is looked at once. */
  push(piece: string): ArgumentPhase {
    let at = 0;
    for (; at < piece.length && this.#phase === "open"; at += 1) this.#take(piece.charAt(at));
    // What follows the end may only be white space.
    if (!SPACE.test(piece.slice(at))) this.#phase = "broken";
    return this.#phase;
  }

  #take(character: string): void {
    if (this.#inString) this.#takeInString(character);
    else if (this.#depth === 0) this.#takeFirst(character);
    else if (character === '"') this.#inString = true;
    else if (character === "{" || character === "[") this.#depth += 1;
    else if (character === "}" || character === "]") this.#close();
  }

  /** Before the object: nothing but white space and its opening. */
  #takeFirst(character: string): void {
    if (character === "{") this.#depth = 1;
    else if (!SPACE.test(character)) this.#phase = "broken";
  }

  #takeInString(character: string): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (character === "\\") this.#isEscaped = true;
    else if (character === '"') this.#inString = false;
  }

  #close(): void {
    this.#depth -= 1;
    if (this.#depth === 0) this.#phase = "closed";
  }
}
