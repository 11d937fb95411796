/**
 * How long can a regular expression keep the isolate busy? Decided before a schema is accepted, because JavaScript's
 * engine backtracks and one `^(a+)+$` would stop every tenant on the isolate.
 *
 * Two kinds of pattern are accepted. *Strongly deterministic* ones (Brüggemann-Klein & Wood 1998: in every state the
 * next character allows one way on, and each way on exists once) take time linear in the text; when they also start
 * with `^` they may meet a text of `MAX_LONG_TEXT` characters. Of the rest, those without a repetition or choice inside a repetition
 * take polynomial time; they are accepted while the product of their choices stays small for a text of
 * `MAX_SHORT_TEXT` characters. The verdict says how long a text may be and how much work one match can be; whoever
 * matches refuses longer texts and counts the work.
 *
 * The limits, said openly: lookarounds and backreferences are refused altogether, and so are some harmless patterns,
 * such as a repeated group whose parts overlap although other text keeps them apart. Nothing catastrophic is accepted.
 */

import { type CharacterSet, type PatternNode, overlap, parsePattern } from "./pattern-syntax.ts";

/** Longest pattern judged at all. */
export const MAX_PATTERN_LENGTH = 512;

/** Longest text matched against a pattern that takes linear time. */
export const MAX_LONG_TEXT = 65_536;

/** Longest text matched against any other pattern. */
export const MAX_SHORT_TEXT = 256;

/** Ways a backtracking engine may try on a short text: all starts and ends of one repetition, or two anchored ones. */
const MAX_WAYS = MAX_SHORT_TEXT ** 3;

/** Characters of a pattern with its counted repetitions written out. */
const MAX_POSITIONS = 2048;

/** Steps from character to character in such a pattern. */
const MAX_STEPS = 20_000;

/** An unanchored pattern is tried at every place of the text; up to this many characters long that still is cheap. */
const MAX_UNANCHORED_POSITIONS = 64;

/** What a pattern may be matched against, or why it is refused. */
export type PatternVerdict =
  | {
      readonly allowed: true;
      /** Longest text it may be matched against, in characters. */
      readonly maxText: number;
      /** Ways a backtracking engine may try on a text of that length, 1 for a linear pattern. */
      readonly ways: number;
    }
  | { readonly allowed: false; readonly reason: string };

/** Judges a pattern as the engine would run it, with the `u` flag and without anchors of its own. */
export function judgePattern(pattern: string): PatternVerdict {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    return refuse(`The pattern is longer than ${MAX_PATTERN_LENGTH} characters.`);
  }
  if (!isValid(pattern))
    return refuse("The pattern is not a valid regular expression (with the u flag).");
  const tree = parsePattern(pattern);
  if (tree === null) return refuse("The pattern uses a lookaround, a backreference or a modifier.");
  const anchored = startsAnchored(tree);
  const shape = analyse(tree);
  if (shape.deterministic) {
    const linear = anchored || (!shape.unbounded && shape.positions <= MAX_UNANCHORED_POSITIONS);
    return linear ? { allowed: true, maxText: MAX_LONG_TEXT, ways: 1 } : short(MAX_SHORT_TEXT ** 2);
  }
  const tried = countWays(tree, false) * (anchored ? 1 : MAX_SHORT_TEXT);
  if (tried <= MAX_WAYS) return short(tried);
  return refuse(
    "The pattern could take too long: it nests repetitions or repeats what can match in several ways.",
  );
}

function short(ways: number): PatternVerdict {
  return { allowed: true, maxText: MAX_SHORT_TEXT, ways };
}

function refuse(reason: string): PatternVerdict {
  return { allowed: false, reason };
}

function isValid(pattern: string): boolean {
  try {
    return new RegExp(pattern, "u").unicode;
  } catch {
    return false;
  }
}

function startsAnchored(node: PatternNode): boolean {
  if (node.kind === "start") return true;
  if (node.kind === "choice") return node.options.every(startsAnchored);
  const [first] = node.kind === "sequence" ? node.items : [];
  return first !== undefined && startsAnchored(first);
}

/** How many ways a backtracking engine may try at one place of a short text; infinite when they multiply. */
function countWays(node: PatternNode, repeated: boolean): number {
  switch (node.kind) {
    case "characters":
    case "start":
    case "boundary":
      return 1;
    case "sequence":
      return node.items.reduce((product, item) => product * countWays(item, repeated), 1);
    case "choice":
      if (repeated) return Number.POSITIVE_INFINITY;
      return node.options.reduce((sum, option) => sum + countWays(option, false), 0);
    case "repeat": {
      if (repeated && node.min !== node.max) return Number.POSITIVE_INFINITY;
      const own = Math.min(node.max, MAX_SHORT_TEXT) - Math.min(node.min, MAX_SHORT_TEXT) + 1;
      return own * countWays(node.body, repeated || node.max > 1);
    }
  }
}

interface Shape {
  /** The next character decides everything. */
  readonly deterministic: boolean;
  readonly unbounded: boolean;
  readonly positions: number;
}

/** The pattern's Glushkov automaton: one state a character of the pattern, steps between them. */
interface Automaton {
  readonly sets: CharacterSet[];
  readonly steps: Map<number, number[]>;
  stepCount: number;
  unbounded: boolean;
  ambiguous: boolean;
}

/** Part of an automaton: where it can begin and end, and whether it can match nothing. */
interface Fragment {
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly nullable: boolean;
}

const NOTHING: Fragment = { first: [], last: [], nullable: true };

function analyse(tree: PatternNode): Shape {
  const automaton: Automaton = {
    sets: [],
    steps: new Map(),
    stepCount: 0,
    unbounded: false,
    ambiguous: false,
  };
  const whole = build(automaton, tree);
  const exits = [whole.first, ...automaton.steps.values()];
  return {
    deterministic:
      !automaton.ambiguous && exits.every((targets) => areDisjoint(automaton, targets)),
    unbounded: automaton.unbounded,
    positions: automaton.sets.length,
  };
}

function build(automaton: Automaton, node: PatternNode): Fragment {
  switch (node.kind) {
    case "start":
    case "boundary":
      return NOTHING;
    case "characters": {
      const position = automaton.sets.push(node.set) - 1;
      if (position >= MAX_POSITIONS) automaton.ambiguous = true;
      return { first: [position], last: [position], nullable: false };
    }
    case "sequence":
      return node.items.reduce<Fragment>(
        (before, item) => join(automaton, before, build(automaton, item)),
        NOTHING,
      );
    case "choice": {
      const options = node.options.map((option) => build(automaton, option));
      // Two ways to match nothing multiply with those of every other such choice.
      if (options.filter((option) => option.nullable).length > 1) automaton.ambiguous = true;
      return {
        first: options.flatMap((option) => option.first),
        last: options.flatMap((option) => option.last),
        nullable: options.some((option) => option.nullable),
      };
    }
    case "repeat":
      return buildRepeat(automaton, node);
  }
}

/** Writes a counted repetition out: `x{2,4}` is `xx(x(x)?)?`, `x{2,}` is `xx+`. */
function buildRepeat(automaton: Automaton, node: PatternNode & { kind: "repeat" }): Fragment {
  const endless = node.max === Number.POSITIVE_INFINITY;
  if (endless) automaton.unbounded = true;
  const copies = endless ? Math.max(1, node.min) : node.max;
  let first: readonly number[] = [];
  let last: readonly number[] = [];
  let newest: Fragment | null = null;
  for (let copy = 0; copy < copies && !automaton.ambiguous; copy += 1) {
    const body = build(automaton, node.body);
    if (body.nullable) automaton.ambiguous = true;
    if (newest === null) first = body.first;
    else connect(automaton, newest.last, body.first);
    if (endless && copy === copies - 1) connect(automaton, body.last, body.first);
    last = copy < node.min ? body.last : [...last, ...body.last];
    newest = body;
  }
  return { first, last, nullable: node.min === 0 || copies === 0 };
}

function join(automaton: Automaton, before: Fragment, after: Fragment): Fragment {
  connect(automaton, before.last, after.first);
  return {
    first: before.nullable ? [...before.first, ...after.first] : before.first,
    last: after.nullable ? [...before.last, ...after.last] : after.last,
    nullable: before.nullable && after.nullable,
  };
}

/** Adds the steps from every end to every beginning. A step that is there already is a second way to do the same. */
function connect(automaton: Automaton, from: readonly number[], to: readonly number[]): void {
  automaton.stepCount += from.length * to.length;
  if (automaton.stepCount > MAX_STEPS) automaton.ambiguous = true;
  if (automaton.ambiguous) return;
  for (const position of from) {
    const targets = automaton.steps.get(position) ?? [];
    if (to.some((target) => targets.includes(target))) automaton.ambiguous = true;
    automaton.steps.set(position, [...targets, ...to]);
  }
}

function areDisjoint(automaton: Automaton, positions: readonly number[]): boolean {
  return positions.every((position, index) =>
    positions
      .slice(index + 1)
      .every((other) => !overlap(automaton.sets[position] ?? [], automaton.sets[other] ?? [])),
  );
}
