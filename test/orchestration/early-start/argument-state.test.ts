import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  ArgumentState,
  type ArgumentPhase,
} from "../../../src/orchestration/early-start/argument-state.ts";

/** The slow, obvious model: closed when the text parses to an object, broken when no longer text could. */
function isObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function pieces(text: string, cuts: readonly number[]): readonly string[] {
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].toSorted((a, b) => a - b);
  const bounds = [0, ...places, text.length];
  return bounds.slice(1).map((end, at) => text.slice(bounds[at], end));
}

function phaseOf(parts: readonly string[]): ArgumentPhase {
  const state = new ArgumentState();
  for (const part of parts) state.push(part);
  return state.phase;
}

const anyObject = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue());

describe("ArgumentState", () => {
  it("closes exactly at the end of an object's text, however the text is cut", () => {
    fc.assert(
      fc.property(
        anyObject,
        fc.constantFrom(0, 1, 2),
        fc.array(fc.nat(), { maxLength: 12 }),
        (value, indent, cuts) => {
          const text = JSON.stringify(value, null, indent);
          const state = new ArgumentState();
          let seen = "";
          for (const piece of pieces(text, cuts)) {
            seen += piece;
            expect(state.push(piece)).toBe(isObjectText(seen) ? "closed" : "open");
          }
          expect(state.phase).toBe("closed");
        },
      ),
      { seed: 20_261_122, numRuns: 500 },
    );
  });

  it("is broken by anything but white space after the end, and stays so", () => {
    fc.assert(
      fc.property(
        anyObject,
        fc.string({ minLength: 1 }),
        fc.array(fc.nat()),
        (value, more, cuts) => {
          const text = JSON.stringify(value) + more;
          expect(phaseOf(pieces(text, cuts))).toBe(isBlank(more) ? "closed" : "broken");
        },
      ),
      { seed: 20_261_122, numRuns: 500 },
    );
  });

  it.each([
    ["an empty object and then the arguments", ["{}", '{"city":"Paris"}'], "broken"],
    ["two objects under one index", ['{"path":"a"}{"path":"b"}'], "broken"],
    ["a list", ["[1]"], "broken"],
    ["plain text", ["null"], "broken"],
    ["nothing", [""], "open"],
    ["white space only", [" \n"], "open"],
    ["an escaped quote cut after its backslash", ['{"a":"\\', '"}'], "open"],
    ["a brace inside a string", ['{"a":"}"'], "open"],
    ["half a surrogate pair at the cut", ['{"a":"\ud83d', '\ude00"}'], "closed"],
    ["an escaped unicode letter in pieces", ['{"a":"\\u00', 'e9"}'], "closed"],
    ["white space after the end", ['{"a":1}', "\r\n\t "], "closed"],
  ] as const)("says of %s what it is", (_name, parts, phase) => {
    expect(phaseOf(parts)).toBe(phase);
  });
});

function isBlank(text: string): boolean {
  return /^[ \t\n\r]*$/.test(text);
}
