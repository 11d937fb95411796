/** Reads BFCL's gold calls, which are written as Python: `mv(source='a', destination='b')`, `sort('a.txt')`. */

/** A call as it was written. */
export interface WrittenCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** Reads one call; `parameters` names the positional ones of each tool. Throws on anything but literals. */
export function readCall(
  text: string,
  parameters: ReadonlyMap<string, readonly string[]>,
): WrittenCall {
  const [, tool = "", body = ""] = /^(\w+)\((.*)\)$/s.exec(text.trim()) ?? [];
  const reader = new Reader(body);
  const members: [string, unknown][] = [];
  for (let place = 0; !reader.isAtEnd(); place += 1) {
    const name = reader.takeName() ?? parameters.get(tool)?.[place] ?? `argument_${place}`;
    members.push([name, reader.takeValue()]);
  }
  return { tool, arguments: Object.fromEntries(members) };
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    this.#skip(/[\s,]*/y);
    return this.#at >= this.#text.length;
  }

  takeName(): string | null {
    return this.#skip(/(\w+)\s*=(?!=)\s*/y)?.[1] ?? null;
  }

  takeValue(): unknown {
    this.#skip(/[\s,:]*/y);
    const quote = this.#text[this.#at] ?? "";
    if (quote === "'" || quote === '"') return this.#takeString(quote);
    if (quote === "[") return this.#takeItems("]");
    if (quote === "{") {
      const flat = this.#takeItems("}");
      const pairs = flat.flatMap((key, at) => (at % 2 === 0 ? [[String(key), flat[at + 1]]] : []));
      return Object.fromEntries(pairs) as unknown;
    }
    const word = this.#skip(/[\w.+-]+/y)?.[0];
    if (word === undefined) throw new Error(`not a literal: ${this.#text.slice(this.#at)}`);
    const constants: Record<string, unknown> = { True: true, False: false, None: null };
    return word in constants ? constants[word] : Number(word);
  }

  #takeItems(end: string): unknown[] {
    this.#at += 1;
    const items: unknown[] = [];
    for (;;) {
      this.#skip(/[\s,:]*/y);
      if (this.#text[this.#at] === end) break;
      items.push(this.takeValue());
    }
    this.#at += 1;
    return items;
  }

  #takeString(quote: string): string {
    let text = "";
    for (this.#at += 1; this.#text[this.#at] !== quote; this.#at += 1) {
      if (this.#text[this.#at] === "\\") this.#at += 1;
      text += this.#text[this.#at] ?? "";
    }
    this.#at += 1;
    return text;
  }

  #skip(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }
}
