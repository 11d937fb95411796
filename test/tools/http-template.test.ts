/** URLs and headers built from templates: every argument encoded for its place, none choosing where a request goes. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { NO_SECRETS, build, built, urlOf } from "../support/request-template.ts";

describe("the URL", () => {
  it("percent-encodes path segments", async () => {
    const url = "https://api.example.com/{a}/x-{b}/{c}?fixed=1";
    expect(await urlOf({ url }, { a: "a/b?c#d", b: "ä %2f", c: 7 })).toBe(
      "https://api.example.com/a%2Fb%3Fc%23d/x-%C3%A4%20%252f/7?fixed=1",
    );
    expect(await urlOf({ url: "https://api.example.com/{a}" }, { a: true })).toBe(
      "https://api.example.com/true",
    );
  });

  it.each([".", "..", "", null, ["x"], { x: 1 }, "\ud800"])(
    "refuses %j as a path segment",
    async (value) => {
      expect(await build({ url: "https://api.example.com/x/{a}" }, { a: value })).toMatchObject({
        ok: false,
        error: { code: "arguments_invalid", message: expect.stringContaining('"a"') },
      });
    },
  );

  it.each([
    ["{a}{b}", { a: "x", b: "." }, true],
    [".{a}", { a: "a" }, true],
    ["%2e{a}", { a: "b" }, true],
  ])("allows what only looks like a way up: %s", async (segment, values, ok) => {
    expect((await build({ url: `https://api.example.com/x/${segment}` }, values)).ok).toBe(ok);
  });

  it("refuses a segment that becomes a way up together with the template's own dots", async () => {
    for (const segment of [".{a}{b}", "%2e{a}{b}"]) {
      const result = await build(
        { url: `https://api.example.com/x/${segment}` },
        { a: "%", b: "2e" },
      );
      expect(result.ok && result.value.request.url.pathname).toMatch(/^\/x\/.+/);
    }
    expect(await build({ url: "https://api.example.com/x/.{a}" }, { a: "." })).toMatchObject({
      ok: false,
    });
  });

  it("needs every argument of the path", async () => {
    expect(await build({ url: "https://api.example.com/{a}" }, {})).toMatchObject({ ok: false });
    expect(await build({ url: "https://api.example.com/{constructor}" }, {})).toMatchObject({
      ok: false,
    });
  });

  it("encodes query values and leaves absent and null ones out", async () => {
    const query = { q: "{q}", both: "{a}-{b}", fixed: "always", none: "{null}", "na&me": "{a}" };
    expect(await urlOf({ query }, { q: "a&b=c d", a: "x", null: null })).toBe(
      "https://api.example.com/v1?q=a%26b%3Dc%20d&fixed=always&na%26me=x",
    );
    expect(await urlOf({ query }, { a: 1, b: { c: [2] } })).toContain(
      "both=1-%7B%22c%22%3A%5B2%5D%7D",
    );
  });

  it("repeats a parameter for each item of a list", async () => {
    expect(await urlOf({ query: { tag: "{tags}", x: "x{tags}" } }, { tags: ["a", 1] })).toBe(
      "https://api.example.com/v1?tag=a&tag=1&x=x%5B%22a%22%2C1%5D",
    );
  });

  it("keeps the URL's own query in front", async () => {
    expect(
      await urlOf({ url: "https://api.example.com/v1?k=1", query: { q: "{q}" } }, { q: "2" }),
    ).toBe("https://api.example.com/v1?k=1&q=2");
  });

  it("refuses a query value that is not well-formed text", async () => {
    expect(await build({ query: { q: "{q}" } }, { q: "\ud800" })).toMatchObject({
      ok: false,
      error: { code: "arguments_invalid" },
    });
  });

  it("refuses a template that is no URL", async () => {
    expect(await build({ url: "nowhere" }, {})).toMatchObject({
      ok: false,
      error: { code: "egress_refused" },
    });
  });

  it("never leaves the template's origin nor climbs above its path, whatever the arguments", async () => {
    const http = { url: "https://api.example.com:8443/base/{a}/x{b}", query: { q: "{c}" } };
    const text = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom(
        "..",
        "%2e%2e",
        "//evil.example",
        "\\evil",
        "@evil.example",
        "?x",
        "#x",
        "%00",
        "\r\n",
        "{b}",
        "{{secret.x}}",
      ),
    );
    await fc.assert(
      fc.asyncProperty(text, text, text, async (a, b, c) => {
        const result = await build(http, { a, b, c });
        if (!result.ok) return;
        const { url } = result.value.request;
        expect(url.origin).toBe("https://api.example.com:8443");
        expect(url.pathname).toMatch(/^\/base\/[^/]+\/x[^/]+$/);
        expect(decodeURIComponent(url.pathname)).toBe(`/base/${a}/x${b}`);
        expect(url.searchParams.get("q")).toBe(c);
        expect(url.hash).toBe("");
      }),
      { seed: 1, numRuns: 1000 },
    );
  });
});

describe("the headers", () => {
  it("carry the gateway's own and the template's", async () => {
    const result = await build(
      { headers: { "X-City": "in {city}", "x-none": "{absent}", "x-n": "{n}" } },
      { city: "Paris", n: 5 },
      NO_SECRETS,
      {
        locale: "fr-FR",
        traceparent: "00-1-2-01",
      },
    );
    expect(result.ok && result.value.request.headers).toEqual({
      accept: "application/json",
      "accept-language": "fr-FR",
      "user-agent": "toolformer-edge",
      traceparent: "00-1-2-01",
      "x-city": "in Paris",
      "x-n": "5",
    });
  });

  it("may be chosen by the template, content-type too", async () => {
    const headers = { Accept: "text/plain", "content-type": "application/merge-patch+json" };
    expect((await built({ method: "PATCH", headers }, { a: 1 })).headers).toMatchObject({
      accept: "text/plain",
      "content-type": "application/merge-patch+json",
    });
  });

  it.each(["a\r\nx: y", "a\nb", "\0", "ä", "\u560a\u560d", "\u007f"])(
    "refuse the argument %j",
    async (value) => {
      expect(await build({ headers: { "x-a": "{a}" } }, { a: value })).toMatchObject({
        ok: false,
        error: { code: "arguments_invalid" },
      });
    },
  );
});
