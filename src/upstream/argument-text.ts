/**
 * The arguments of one tool call as they arrive in pieces.
 *
 * Follows the JSON just far enough to know whether its top-level value is closed, which is what tells a second call from
 * a continuation when a provider sends neither index nor id. An empty object is held back: some providers send `{}`
 * first and the real arguments after it, and what was handed on cannot be taken back.
 */

/** One call's argument text. */
export class ArgumentText {
  /** Handed on so far. */
  #text = "";
  /** `""`, `"{"` or `"{}"` while nothing else has come (white space left out), null afterwards. */
  #held: string | null = "";
  #depth = 0;
  #inString = false;
  #escaped = false;
  #closed = false;

  /** True until something other than white space has come. */
  get isBlank(): boolean {
    return this.#held === "";
  }

  /** True once the top-level object or array is closed. */
  get isClosed(): boolean {
    return this.#held === "{}" || this.#closed;
  }

  /** True while all that has come is an empty object. */
  get isEmptyObject(): boolean {
    return this.#held === "{}";
  }

  /** True when `piece` is exactly what has come already: a provider that repeats the whole call. */
  repeats(piece: string): boolean {
    return this.isClosed && piece.trim() === (this.#held ?? this.#text.trim());
  }

  /** Takes a piece and returns what may be handed on now. */
  add(piece: string): string {
    if (this.#held === null) return this.#release(piece);
    let held = this.#held;
    for (let at = 0; at < piece.length; at += 1) {
      const character = piece.charAt(at);
      if (/\s/.test(character)) continue;
      if (held === "" && character === "{") held = "{";
      else if (held === "{" && character === "}") held = "{}";
      else if (held === "{}" && character === "{") held = "{";
      else {
        this.#held = null;
        return this.#release(held + piece.slice(at));
      }
    }
    this.#held = held;
    return "";
  }

  /** What was still held back, `{}` for a call that came without any arguments. Call once, at the end. */
  end(): string {
    const rest = this.#held === "" ? "{}" : (this.#held ?? "");
    this.#held = null;
    return this.#release(rest);
  }

  #release(text: string): string {
    for (const character of text) this.#follow(character);
    this.#text += text;
    return text;
  }

  #follow(character: string): void {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (character === "\\") this.#escaped = true;
      else if (character === '"') this.#inString = false;
    } else if (character === '"') this.#inString = true;
    else if (character === "{" || character === "[") this.#depth += 1;
    else if (character === "}" || character === "]") {
      this.#depth -= 1;
      this.#closed = this.#depth === 0;
    }
  }
}
