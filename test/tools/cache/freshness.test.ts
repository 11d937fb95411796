/** How long an answer may be kept: the definition's time, shortened by what its server says (RFC 9111, RFC 5861). */

import { describe, expect, it } from "vitest";

import type { ToolCache } from "../../../src/contract/cache.ts";
import { isDefiniteRefusal, lifeOf } from "../../../src/tools/cache/freshness.ts";

const NOW = Date.parse("Mon, 23 Nov 2026 12:00:00 GMT");
const RULES: ToolCache = { ttl_s: 300, stale_s: 600 };

function life(headers: Record<string, string>, rules = RULES) {
  return lifeOf(rules, rules.ttl_s, headers, NOW);
}

describe("lifeOf", () => {
  it.each([
    ["nothing said", {}, 300],
    ["max-age above the definition's", { "cache-control": "max-age=9000" }, 300],
    ["max-age below it", { "cache-control": "public, max-age=60" }, 60],
    ["max-age in quotes, in capitals", { "cache-control": 'Max-Age="60"' }, 60],
    ["s-maxage before max-age", { "cache-control": "max-age=60, s-maxage=10" }, 10],
    ["the shorter of two", { "cache-control": "max-age=60, max-age=20" }, 20],
    ["less its age", { "cache-control": "max-age=60", age: "25" }, 35],
    ["older than it lasts", { "cache-control": "max-age=60", age: "61" }, 0],
    ["a max-age nobody can read", { "cache-control": "max-age=soon" }, 0],
    ["a negative one", { "cache-control": "max-age=-5" }, 0],
    ["Expires", { expires: "Mon, 23 Nov 2026 12:01:00 GMT" }, 60],
    [
      "Expires by the server's own clock",
      { date: "Mon, 23 Nov 2026 11:00:00 GMT", expires: "Mon, 23 Nov 2026 11:00:30 GMT" },
      30,
    ],
    ["Expires that has passed", { expires: "Mon, 23 Nov 2026 11:00:00 GMT" }, 0],
    ["Expires nobody can read", { expires: "0" }, 0],
    [
      "max-age before Expires",
      { "cache-control": "max-age=60", expires: "Mon, 23 Nov 2026 11:00:00 GMT" },
      60,
    ],
    ["Vary by what is in the key", { vary: "Accept-Language, Authorization" }, 300],
  ])("%s: fresh for as long as that", (_, headers, seconds) => {
    expect(life(headers)).toMatchObject({ freshMs: seconds * 1000 });
  });

  it.each([
    ["no-store", { "cache-control": "no-store, max-age=60" }],
    ["private", { "cache-control": "max-age=60, PRIVATE" }],
    ["private for one field", { "cache-control": 'private="set-cookie"' }],
    ["Vary: *", { vary: "*" }],
  ])("is not kept: %s", (_, headers) => {
    expect(life(headers)).toBeNull();
  });

  it("is not kept when it varies by a language that is not in the key", () => {
    const rules: ToolCache = { ttl_s: 60, vary: [] };
    expect(life({ vary: "accept-language" }, rules)).toBeNull();
    expect(life({ vary: "accept-language" }, { ttl_s: 60, vary: ["locale"] })).not.toBeNull();
    expect(life({}, rules)).not.toBeNull();
  });

  it("is asked about before each use under no-cache, and not kept when there is nothing to ask by", () => {
    expect(life({ "cache-control": "no-cache", etag: '"1"' })).toEqual({
      freshMs: 0,
      staleMs: 0,
      checkedMs: 300_000,
      validators: { etag: '"1"', cacheControl: "no-cache" },
    });
    expect(life({ "cache-control": "no-cache" })).toBeNull();
    expect(life({ "cache-control": "max-age=0" }, { ttl_s: 60 })).toBeNull();
  });

  it.each([
    ["the definition's", {}, 600],
    ["must-revalidate", { "cache-control": "must-revalidate" }, 0],
    ["proxy-revalidate", { "cache-control": "proxy-revalidate" }, 0],
    ["a shorter window", { "cache-control": "max-age=60, stale-while-revalidate=30" }, 30],
    ["the longer of two", { "cache-control": "stale-while-revalidate=1, stale-if-error=90" }, 90],
    ["never longer", { "cache-control": "stale-if-error=9000" }, 600],
  ])("may be stale: %s", (_, headers, seconds) => {
    expect(life(headers)).toMatchObject({ staleMs: seconds * 1000 });
  });

  it("keeps validators of sane length", () => {
    const headers = { etag: 'W/"a"', "last-modified": "Mon, 23 Nov 2026 10:00:00 GMT" };
    expect(life(headers)?.validators).toEqual({
      etag: 'W/"a"',
      lastModified: headers["last-modified"],
    });
    expect(life({ etag: `"${"x".repeat(1022)}"` })?.validators).toHaveProperty("etag");
    expect(life({ etag: `"${"x".repeat(1023)}"` })?.validators).toEqual({});
  });
});

describe("isDefiniteRefusal", () => {
  it("is true for what the arguments did wrong, and for nothing that may pass", () => {
    const statuses = [400, 401, 403, 404, 405, 408, 409, 410, 414, 422, 425, 429, 500, 503];
    expect(statuses.filter(isDefiniteRefusal)).toEqual([400, 404, 410, 414, 422]);
  });
});
