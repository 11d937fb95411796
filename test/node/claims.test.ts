/** The claims check must see planted faults: a figure nobody measured, a word nobody may use, a proof that is not there. */

import { describe, expect, it } from "vitest";

import { figureFaults, figuresIn, wordFaults } from "../../scripts/claims-rules.ts";
import { claimsPage, knownFigures, proofFaults, type ClaimSource } from "../../scripts/claims.ts";

const SOURCE: ClaimSource = {
  claims: [
    {
      capability: "A revoked key stops within 5 s",
      proof: ["test/a.test.ts"],
      command: "npm test",
    },
  ],
  notVerified: ["The network."],
  missed: [],
  notClaimed: [{ words: "99.99 % uptime", instead: "nothing" }],
};
const RESULT = {
  name: "speedup",
  revision: "abc",
  machine: "two cores",
  seed: 1,
  rows: [
    {
      case: "W1, 5 calls × 468 ms",
      metric: "speed-up",
      value: 4.873,
      unit: "×",
      bar: ">= 4.8",
      ok: true,
    },
    { case: "W2", metric: "median", value: 1203.5, unit: "ms", bar: "<= 1200", ok: false },
  ],
};
const KNOWN = knownFigures(SOURCE, [RESULT]);

describe("figuresIn", () => {
  it.each([
    ["It is 4.9× faster", ["4.9×"]],
    ["it took 1,203.5 ms", ["1,203.5 ms"]],
    ["12x quicker, 85 % of slots, 3 KiB, 900 rps", ["12x", "85 %", "3 KiB", "900 rps"]],
    ["5 calls × 468 ms", ["468 ms"]],
    ["50 × 100 ms", ["100 ms"]],
    ["Node 20, step 3, RFC 9457, `12 ms`, v1.2 shards", []],
    ["```\n12 ms\n```\n13 ms", ["13 ms"]],
    ["<!-- limits -->\n| 60 s |\n<!-- /limits -->\n61 s", ["61 s"]],
  ])("reads %j", (text, expected) => {
    expect(figuresIn(text).map((figure) => figure.text)).toEqual(expected);
  });
});

describe("figureFaults", () => {
  it("accepts what was measured, rounded or not, its bar, its workload, and what a claim says", () => {
    const text = "4.87×, 4.9×, at least 4.8×, 1,203.5 ms, 1,204 ms, 468 ms, within 5 s";
    expect(figureFaults("README.md", text, KNOWN)).toEqual([]);
  });

  it("refuses a planted figure, a better rounding and another unit", () => {
    expect(figureFaults("README.md", "17.3× faster", KNOWN)).toEqual([
      'README.md: "17.3×" is in no claim (docs/claims.md)',
    ]);
    expect(figureFaults("README.md", "5.0×", KNOWN)).toHaveLength(1);
    expect(figureFaults("README.md", "468 s", KNOWN)).toHaveLength(1);
  });
});

describe("wordFaults", () => {
  it.each([
    "We are certified.",
    "99.99 % uptime",
    "99.9% available",
    "quantum-secure keys",
    "zero vulnerabilities",
    "penetration tested",
    "SOC 2 compliant",
    "GDPR-compliant",
    "guaranteed uptime",
    "10,000 rps",
  ])("refuses %j", (text) => {
    expect(wordFaults("README.md", text)).toHaveLength(1);
  });

  it("lets a page say what is not claimed, and plain words pass", () => {
    expect(
      wordFaults("a.md", "<!-- not-claimed -->certified<!-- /not-claimed --> TLS certificate"),
    ).toEqual([]);
  });
});

describe("proofFaults", () => {
  it("refuses a proof that does not exist, a claim without one, and a missed bar", () => {
    const bare = {
      ...SOURCE,
      claims: [...SOURCE.claims, { capability: "Magic", proof: [], command: "" }],
    };
    expect(proofFaults(bare, [RESULT], () => false)).toEqual([
      "docs/claims.source.json: test/a.test.ts does not exist",
      'docs/claims.source.json: nothing proves "Magic"',
      "bench speedup: W2, median is 1203.5, not <= 1200",
    ]);
    expect(proofFaults(SOURCE, [], () => true)).toEqual([]);
  });

  it("takes a missed bar with a reason, which the page shows, and no other", () => {
    const miss = { bench: "speedup", case: "W2", metric: "median", reason: "A slow machine." };
    const explained = { ...SOURCE, missed: [miss] };
    expect(proofFaults(explained, [RESULT], () => true)).toEqual([]);
    expect(claimsPage(explained, [RESULT])).toContain(
      "| speedup | W2 | median | A slow machine. |",
    );
    const elsewhere = { ...SOURCE, missed: [{ ...miss, metric: "p95" }] };
    expect(proofFaults(elsewhere, [RESULT], () => true)).toHaveLength(1);
  });
});

describe("claimsPage", () => {
  it("shows every claim, every row with its verdict, and what is not claimed", () => {
    const page = claimsPage(SOURCE, [RESULT]);
    expect(page).toContain("| A revoked key stops within 5 s | `test/a.test.ts` | `npm test` |");
    expect(page).toContain("| W1, 5 calls × 468 ms | speed-up | 4.873 × | >= 4.8 | met |");
    expect(page).toContain("| W2 | median | 1,203.5 ms | <= 1200 | **missed** |");
    expect(page).toContain("- The network.");
    expect(page).toContain("| 99.99 % uptime | nothing |");
  });
});
