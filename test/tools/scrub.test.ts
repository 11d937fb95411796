/** A call's secrets never come back in what its tool answered. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { SCRUBBED, createScrubber } from "../../src/tools/scrub.ts";

const SECRET = "sk-live/abc+123 xyz=";

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

describe("createScrubber", () => {
  const scrubber = createScrubber([SECRET]);

  it.each([
    ["itself", SECRET],
    ["percent-encoded", encodeURIComponent(SECRET)],
    [
      "percent-encoded in lower case",
      encodeURIComponent(SECRET)
        .replaceAll("%2F", "%2f")
        .replaceAll("%2B", "%2b")
        .replaceAll("%20", "%20")
        .replaceAll("%3D", "%3d"),
    ],
    ["form-encoded", encodeURIComponent(SECRET).replaceAll("%20", "+")],
    ["base64", base64(SECRET)],
    ["base64url", base64(SECRET).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")],
    ["basic credentials", base64(`user:${SECRET}`)],
    ["basic credentials, another alignment", base64(`u:${SECRET}:more`)],
  ])("removes a secret as %s", (_, text) => {
    const clean = scrubber.text(`before ${text} after`);
    expect(clean).toContain(SCRUBBED);
    expect(clean).not.toContain(text);
    // What may be left of a base64 text is the few characters that mix with its neighbours.
    expect(clean.length).toBeLessThan("before  after".length + SCRUBBED.length + 12);
  });

  it("removes it in strings, names and numbers of any depth", () => {
    const numeric = createScrubber(["12345678"]);
    expect(numeric.json({ a: [{ "12345678": "x" }, 12_345_678, 5, null, true], b: "y" })).toEqual({
      a: [{ [SCRUBBED]: "x" }, SCRUBBED, 5, null, true],
      b: "y",
    });
  });

  it("hands on the very same value when nothing was found", () => {
    const value = { a: ["x", { b: 1 }] };
    expect(scrubber.json(value)).toBe(value);
    expect(createScrubber([]).json(value)).toBe(value);
  });

  it("removes a short secret only where it is a whole string", () => {
    const short = createScrubber(["abc"]);
    expect(short.json(["abc", "abcdef"])).toEqual([SCRUBBED, "abcdef"]);
  });

  it("leaves no secret in any text around it, whatever both are", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 4 }),
        fc.string(),
        fc.string(),
        (secret, before, after) => {
          fc.pre(!SCRUBBED.includes(secret) && secret.isWellFormed() && !before.includes(secret));
          const clean = createScrubber([secret]).text(before + secret + after);
          expect(clean.replaceAll(SCRUBBED, "")).not.toBe(before + secret + after);
          expect(clean.split(SCRUBBED).some((piece) => piece.includes(secret))).toBe(false);
        },
      ),
      { seed: 7, numRuns: 500 },
    );
  });
});
