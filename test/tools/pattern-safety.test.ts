/** Which regular expressions may be run, and that those which may never take long. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { MAX_LONG_TEXT, MAX_SHORT_TEXT, judgePattern } from "../../src/tools/pattern-safety.ts";
import { overlap, parsePattern } from "../../src/tools/pattern-syntax.ts";

/** Far beyond what an accepted pattern needs, far below what a catastrophic one takes. */
const GENEROUS_MS = 3000;

describe("judgePattern", () => {
  it.each([
    String.raw`^[a-z0-9]+(-[a-z0-9]+)*$`,
    String.raw`^\d+(\.\d+)*$`,
    String.raw`^([01]\d|2[0-3]):[0-5]\d$`,
    String.raw`^[A-Za-z0-9+/]+={0,2}$`,
    String.raw`^https?://.+$`,
    String.raw`^.{1,2000}$`,
    String.raw`^[\w.+-]+@[\w-]+\.[\w.-]+$`,
    String.raw`^(foo|bar)+$`,
    String.raw`^\p{L}+$`,
    String.raw`^[^\s\/]{2,}?$`,
    String.raw`^(?<year>\d{4})-(?:0[1-9]|1[0-2])$`,
    String.raw`^\x41\u0042\u{43}\cJ\t[\b\-\]]$`,
    String.raw`\bfoo\B`,
    String.raw`^a{0}$`,
    "foo",
    "^$",
    "^a|^b",
  ])("lets %s meet texts of any usual length", (pattern) => {
    expect(judgePattern(pattern)).toEqual({ allowed: true, maxText: MAX_LONG_TEXT, ways: 1 });
  });

  it.each([
    String.raw`^[^@]+@[^@]+\.[^@]+$`,
    String.raw`^.*\.(pdf|docx?)$`,
    String.raw`\s+$`,
    "[a-z]+",
    "^(a?|b?)(c?|d?)$",
    String.raw`^\ud83d\ude00*\ud83d\ude01$`,
  ])("lets %s meet short texts only", (pattern) => {
    expect(judgePattern(pattern)).toMatchObject({ allowed: true, maxText: MAX_SHORT_TEXT });
  });

  it.each([
    "^(a+)+$",
    "(a*)*",
    "^(a|a)*$",
    "^(a|ab|b)*$",
    "^(a{1,100}){1,100}$",
    "^(a?){30}a{30}$",
    "(x+x+)+y",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "^.*a.*b.*c.*d$",
    "^(a?b?)*$",
    "^((a|b){1000}){1000}$",
    "^(.*,){11}P",
  ])("refuses %s, which may take too long", (pattern) => {
    expect(judgePattern(pattern)).toMatchObject({
      allowed: false,
      reason: expect.stringContaining("take too long"),
    });
  });

  it.each([
    ["[", "not a valid"],
    [String.raw`^\_$`, "not a valid"],
    ["^(?=a)b", "lookaround"],
    ["(?!a)b", "lookaround"],
    ["(?<=a)b", "lookaround"],
    ["(?<!a)b", "lookaround"],
    [String.raw`(a)\1`, "backreference"],
    [String.raw`(?<x>a)\k<x>`, "backreference"],
    ["a".repeat(513), "longer than 512"],
  ])("refuses %s and says why", (pattern, reason) => {
    expect(judgePattern(pattern)).toMatchObject({
      allowed: false,
      reason: expect.stringContaining(reason),
    });
  });

  it("accepts a pattern of exactly the longest length", () => {
    expect(judgePattern("a".repeat(512))).toMatchObject({ allowed: true });
  });

  it("never accepts a generated pattern that is slow on texts made to hurt it", () => {
    const atom = fc.constantFrom("a", "b", "[ab]", ".", String.raw`\w`, "[^b]");
    const quantifier = fc.constantFrom("", "", "*", "+", "?", "{2}", "{0,3}", "{1,}");
    const { pattern } = fc.letrec<{ pattern: string; term: string }>((tie) => ({
      term: fc.oneof(
        { depthSize: "small" },
        fc.tuple(atom, quantifier).map((parts) => parts.join("")),
        fc.tuple(tie("pattern"), quantifier).map(([inner, times]) => `(${inner})${times}`),
        fc.tuple(tie("pattern"), tie("pattern")).map(([one, other]) => `(${one}|${other})`),
      ),
      pattern: fc.array(tie("term"), { minLength: 1, maxLength: 4 }).map((terms) => terms.join("")),
    }));
    const anchored = fc
      .tuple(pattern, fc.boolean())
      .map(([body, start]) => `${start ? "^" : ""}${body}$`);
    fc.assert(
      fc.property(anchored, (source) => {
        const verdict = judgePattern(source);
        if (!verdict.allowed) return;
        const length = verdict.maxText;
        const started = Date.now();
        for (const text of [
          "a".repeat(length - 1),
          "ab".repeat(length / 2 - 1),
          "b".repeat(length - 1),
        ]) {
          new RegExp(source, "u").test(`${text}!`);
        }
        expect(Date.now() - started).toBeLessThan(GENEROUS_MS);
      }),
      { seed: 20_261_122, numRuns: 400 },
    );
  });
});

describe("parsePattern", () => {
  it.each([
    [String.raw`\d`, "5", "x"],
    [String.raw`\D`, "x", "5"],
    [String.raw`\w`, "_", "-"],
    [String.raw`\W`, "-", "_"],
    [String.raw`\s`, "\u2003", "x"],
    [String.raw`\S`, "x", "\u2003"],
    [".", "x", "\n"],
    ["[^a-y]", "z", "b"],
    ["[a-]", "-", "b"],
    [String.raw`[\w-]`, "-", "+"],
    [String.raw`[\dx-]`, "x", "a"],
    [String.raw`\n`, "\n", "n"],
    [String.raw`\0`, "\0", "0"],
    [String.raw`\.`, ".", "x"],
    [String.raw`\u{1F600}`, "😀", "😁"],
  ])("knows which characters %s stands for", (pattern, inside, outside) => {
    const tree = parsePattern(pattern);
    const item = tree?.kind === "sequence" ? tree.items[0] : undefined;
    const set = item?.kind === "characters" ? item.set : [];
    const code = (text: string) => text.codePointAt(0) ?? 0;
    expect(overlap(set, [[code(inside), code(inside)]])).toBe(true);
    expect(overlap(set, [[code(outside), code(outside)]])).toBe(false);
    expect(new RegExp(`^(?:${pattern})$`, "u").test(inside)).toBe(true);
    expect(new RegExp(`^(?:${pattern})$`, "u").test(outside)).toBe(false);
  });
});
