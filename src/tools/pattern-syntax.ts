/**
 * Regular expressions as a tree, as far as their running time can be judged.
 *
 * `parsePattern` reads the syntax of ECMAScript's `u` flag and answers null for what the judgement does not cover:
 * backreferences, lookarounds and inline modifiers. The caller has already had the engine itself accept the pattern, so
 * this reader never decides what is valid, it only describes it. Where it is unsure about a set of characters it takes
 * "any character", which can make a harmless pattern look harmful and never the reverse.
 */

/** Inclusive ranges of code points, in any order. */
export type CharacterSet = readonly (readonly [number, number])[];

/** A pattern's tree. `start` is `^`; `boundary` any other zero-width assertion. */
export type PatternNode =
  | { readonly kind: "characters"; readonly set: CharacterSet }
  | { readonly kind: "start" }
  | { readonly kind: "boundary" }
  | { readonly kind: "sequence"; readonly items: readonly PatternNode[] }
  | { readonly kind: "choice"; readonly options: readonly PatternNode[] }
  | {
      readonly kind: "repeat";
      readonly body: PatternNode;
      readonly min: number;
      readonly max: number;
    };

const LAST_CODE_POINT = 0x10ffff;

/** Every character. */
export const ANY: CharacterSet = [[0, LAST_CODE_POINT]];

const DIGIT: CharacterSet = [[48, 57]];
const WORD: CharacterSet = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const SPACE: CharacterSet = [
  [9, 13],
  [32, 32],
  [160, 160],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const LINE_END: CharacterSet = [
  [10, 10],
  [13, 13],
  [0x2028, 0x2029],
];

/** Escapes that stand for a set, without the backslash. */
const CLASS_ESCAPES: Readonly<Record<string, CharacterSet>> = {
  d: DIGIT,
  D: complement(DIGIT),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
};

const CONTROL_ESCAPES: Readonly<Record<string, number>> = {
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  "0": 0,
};

/** The tree of a pattern the engine accepts with the `u` flag, or null when it uses what cannot be judged. */
export function parsePattern(pattern: string): PatternNode | null {
  const reader: Reader = { points: Array.from(pattern), at: 0, unsupported: false };
  const tree = readChoice(reader);
  return reader.unsupported || reader.at < reader.points.length ? null : tree;
}

/** True when some character is in both sets. */
export function overlap(a: CharacterSet, b: CharacterSet): boolean {
  return a.some(([low, high]) =>
    b.some(([otherLow, otherHigh]) => low <= otherHigh && otherLow <= high),
  );
}

interface Reader {
  readonly points: readonly string[];
  at: number;
  unsupported: boolean;
}

function peek(reader: Reader, ahead = 0): string {
  return reader.points[reader.at + ahead] ?? "";
}

function readChoice(reader: Reader): PatternNode {
  const options = [readSequence(reader)];
  while (peek(reader) === "|") {
    reader.at += 1;
    options.push(readSequence(reader));
  }
  const [only] = options;
  return options.length === 1 && only !== undefined ? only : { kind: "choice", options };
}

function readSequence(reader: Reader): PatternNode {
  const items: PatternNode[] = [];
  while (
    reader.at < reader.points.length &&
    peek(reader) !== "|" &&
    peek(reader) !== ")" &&
    !reader.unsupported
  ) {
    items.push(readQuantifier(reader, readAtom(reader)));
  }
  return { kind: "sequence", items };
}

function readAtom(reader: Reader): PatternNode {
  const point = peek(reader);
  reader.at += 1;
  switch (point) {
    case "^":
      return { kind: "start" };
    case "$":
      return { kind: "boundary" };
    case ".":
      return characters(complement(LINE_END));
    case "(":
      return readGroup(reader);
    case "[":
      return characters(readClass(reader));
    case "\\":
      return readEscape(reader);
    default:
      return characters(single(point.codePointAt(0) ?? 0));
  }
}

function readGroup(reader: Reader): PatternNode {
  if (peek(reader) === "?") {
    const named = peek(reader, 1) === "<" && peek(reader, 2) !== "=" && peek(reader, 2) !== "!";
    if (peek(reader, 1) !== ":" && !named) return giveUp(reader);
    while (peek(reader) !== ":" && peek(reader) !== ">") reader.at += 1;
    reader.at += 1;
  }
  const body = readChoice(reader);
  reader.at += 1;
  return body;
}

function readEscape(reader: Reader): PatternNode {
  const point = peek(reader);
  if (point === "b" || point === "B") {
    reader.at += 1;
    return { kind: "boundary" };
  }
  if (point === "k" || /[1-9]/.test(point)) return giveUp(reader);
  return characters(readCharacterEscape(reader));
}

/** The set an escape stands for; the backslash has been read. */
function readCharacterEscape(reader: Reader): CharacterSet {
  const point = peek(reader);
  reader.at += 1;
  const set = CLASS_ESCAPES[point];
  if (set !== undefined) return set;
  const control = CONTROL_ESCAPES[point];
  if (control !== undefined) return single(control);
  if (point === "p" || point === "P") {
    while (peek(reader) !== "}") reader.at += 1;
    reader.at += 1;
    return ANY;
  }
  if (point === "c") {
    reader.at += 1;
    return single((reader.points[reader.at - 1]?.codePointAt(0) ?? 0) % 32);
  }
  if (point === "x" || point === "u") return readHexEscape(reader, point === "x" ? 2 : 4);
  return single(point.codePointAt(0) ?? 0);
}

function readHexEscape(reader: Reader, digits: number): CharacterSet {
  let hex = "";
  if (peek(reader) === "{") {
    for (reader.at += 1; peek(reader) !== "}"; reader.at += 1) hex += peek(reader);
    reader.at += 1;
  } else {
    for (let index = 0; index < digits; index += 1) hex += peek(reader, index);
    reader.at += digits;
  }
  const code = Number.parseInt(hex, 16);
  // Half of a surrogate pair: the engine joins two such escapes into one character, so nothing is known about it here.
  return code >= 0xd800 && code <= 0xdfff ? ANY : single(code);
}

function readClass(reader: Reader): CharacterSet {
  const negated = peek(reader) === "^";
  if (negated) reader.at += 1;
  const ranges: (readonly [number, number])[] = [];
  while (peek(reader) !== "]") {
    const low = readClassMember(reader);
    if (peek(reader) === "-" && peek(reader, 1) !== "]") {
      reader.at += 1;
      // The engine takes only single characters as the ends of a range.
      ranges.push([low[0]?.[0] ?? 0, readClassMember(reader)[0]?.[1] ?? LAST_CODE_POINT]);
    } else ranges.push(...low);
  }
  reader.at += 1;
  return negated ? complement(ranges) : ranges;
}

function readClassMember(reader: Reader): CharacterSet {
  const point = peek(reader);
  reader.at += 1;
  if (point !== "\\") return single(point.codePointAt(0) ?? 0);
  if (peek(reader) === "b") {
    reader.at += 1;
    return single(8);
  }
  return readCharacterEscape(reader);
}

function readQuantifier(reader: Reader, body: PatternNode): PatternNode {
  const point = peek(reader);
  let min = 0;
  let max = Number.POSITIVE_INFINITY;
  if (point === "+") min = 1;
  else if (point === "?") max = 1;
  else if (point === "{") [min, max] = readBounds(reader);
  else if (point !== "*") return body;
  reader.at += 1;
  // A lazy quantifier tries the same ways in another order.
  if (peek(reader) === "?") reader.at += 1;
  return { kind: "repeat", body, min, max };
}

/** Reads `{n}`, `{n,}` or `{n,m}` up to the closing brace. */
function readBounds(reader: Reader): [number, number] {
  let text = "";
  for (reader.at += 1; peek(reader) !== "}"; reader.at += 1) text += peek(reader);
  const [min = "0", max] = text.split(",");
  const least = Number(min);
  if (max === undefined) return [least, least];
  return [least, max === "" ? Number.POSITIVE_INFINITY : Number(max)];
}

function giveUp(reader: Reader): PatternNode {
  reader.unsupported = true;
  reader.at = reader.points.length;
  return { kind: "boundary" };
}

function characters(set: CharacterSet): PatternNode {
  return { kind: "characters", set };
}

function single(code: number): CharacterSet {
  return [[code, code]];
}

function complement(set: CharacterSet): CharacterSet {
  const gaps: (readonly [number, number])[] = [];
  let next = 0;
  for (const [low, high] of set.toSorted((a, b) => a[0] - b[0])) {
    if (low > next) gaps.push([next, low - 1]);
    next = Math.max(next, high + 1);
  }
  if (next <= LAST_CODE_POINT) gaps.push([next, LAST_CODE_POINT]);
  return gaps;
}
