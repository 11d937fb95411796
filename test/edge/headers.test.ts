import { describe, expect, it } from "vitest";

import { ifMatchVersion, versionTag } from "../../src/edge/entity-tag.ts";
import { callerLocale } from "../../src/edge/locale.ts";
import { setRateHeaders } from "../../src/edge/rate-headers.ts";
import { readIdempotencyKey, readToolChoice, wantsToolEvents } from "../../src/edge/run-headers.ts";
import { unknownRoute } from "../../src/edge/unknown-route.ts";

describe("callerLocale", () => {
  it.each([
    [undefined, undefined, "auto", "en"],
    [undefined, undefined, "pt-br", "pt-BR"],
    ["de", undefined, "fr", "de"],
    ["de", "ja", "fr", "ja"],
    ["de", "not a tag", "fr", "de"],
    ["fr;q=0.5, de;q=0.9, en;q=0.9", undefined, "auto", "de"],
    ["*", undefined, "auto", "en"],
    ["de;q=0, en-gb;q=0.1", undefined, "auto", "en-GB"],
    ["de;level=1;q=0.2, es;q=0.3", undefined, "auto", "es"],
    ["zh-hant-tw", undefined, "auto", "zh-Hant-TW"],
    ["en-a-a-a", undefined, "auto", "en"],
    [`${"x, ".repeat(300)}de`, undefined, "fr", "fr"],
    [`de-${"abcdefgh-".repeat(9)}x`, undefined, "fr", "fr"],
    ["_../secret", undefined, "auto", "en"],
  ])("Accept-Language %j, ?lang=%s, setting %s → %s", (accept, lang, setting, expected) => {
    expect(callerLocale(accept, lang, setting)).toBe(expected);
  });
});

describe("setRateHeaders", () => {
  it("writes one item a limit as the IETF draft has it", () => {
    const headers = new Headers();
    setRateHeaders(headers, [
      { id: "tenant:60", limit: 6000, windowS: 60, remaining: 5999, resetMs: 1 },
      { id: "key:key_1:1", limit: 5, windowS: 1, remaining: 0, resetMs: 1000 },
    ]);
    expect(headers.get("ratelimit-policy")).toBe('"tenant:60";q=6000;w=60, "key:key_1:1";q=5;w=1');
    expect(headers.get("ratelimit")).toBe('"tenant:60";r=5999;t=1, "key:key_1:1";r=0;t=1');
  });

  it("writes nothing without limits", () => {
    const headers = new Headers();
    setRateHeaders(headers, []);
    expect([...headers]).toEqual([]);
  });
});

describe("readIdempotencyKey", () => {
  it.each([undefined, "a", "order 66 / retry", "x".repeat(255)])("takes %j", (header) => {
    expect(readIdempotencyKey(header)).toEqual({ ok: true, value: header ?? null });
  });

  it.each(["", " ", "clé", "tab\tin", "x".repeat(256)])("refuses %j", (header) => {
    expect(readIdempotencyKey(header)).toMatchObject({ error: { code: "validation_failed" } });
  });
});

describe("readToolChoice", () => {
  function choice(header: string | undefined, allowed: readonly string[] | null = null) {
    return readToolChoice(header, [{ name: "add" }, { name: "get.it" }], allowed);
  }

  it.each([
    [undefined, "all"],
    ["all", "all"],
    [" none ", "none"],
    ["add", ["add"]],
    ["add, get.it,add,", ["add", "get.it"]],
    ["", []],
  ])("reads %j as %j", (header, expected) => {
    expect(choice(header)).toEqual({ ok: true, value: expected });
  });

  it("refuses a tool that does not exist, one the key may not use, and too many", () => {
    expect(choice("add,sub")).toMatchObject({
      error: { violations: [{ message: 'x-gw-tools: There is no tool "sub".' }] },
    });
    expect(choice("get.it", ["add"])).toMatchObject({ error: { code: "validation_failed" } });
    const many = Array.from({ length: 257 }, (_, at) => `t${at}`).join(",");
    expect(choice(many)).toMatchObject({ error: { code: "validation_failed" } });
  });
});

describe("wantsToolEvents", () => {
  it("finds the word among others", () => {
    expect(wantsToolEvents(undefined)).toBe(false);
    expect(wantsToolEvents("all, tools")).toBe(true);
    expect(wantsToolEvents("toolset")).toBe(false);
  });
});

describe("If-Match", () => {
  it("asks for a version, for any, or for one that never existed", () => {
    expect(ifMatchVersion(undefined)).toBe(null);
    expect(ifMatchVersion("*")).toBe(null);
    expect(ifMatchVersion(versionTag(12))).toBe(12);
    for (const other of ["12", 'W/"12"', '"abc"', '"1", "2"'])
      expect(ifMatchVersion(other)).toBe(-1);
  });
});

describe("unknownRoute", () => {
  it("names the methods of a path that exists", () => {
    expect(unknownRoute("/v1/tools/add")).toEqual({
      code: "method_not_allowed",
      allow: ["DELETE", "GET", "HEAD", "PUT"],
    });
    expect(unknownRoute("/v1/runs")).toEqual({
      code: "method_not_allowed",
      allow: ["GET", "HEAD", "POST"],
    });
  });

  it.each(["/", "/v1/tools/", "/v1/runs/", "/v1/nothing", "/v1/tools/a/b"])(
    "knows nothing of %s",
    (path) => {
      expect(unknownRoute(path)).toEqual({ code: "not_found" });
    },
  );
});
