import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { RunCancel, RunRequest } from "../../src/contract/run.ts";
import { MAX_BODY_BYTES, MAX_NESTING, readBody, readJson } from "../../src/edge/body.ts";
import { isDeeperThan } from "../../src/edge/json-depth.ts";

const JSON_TYPE = { "content-type": "application/json" };

function post(body: BodyInit | null, headers: Record<string, string> = JSON_TYPE): Request {
  return new Request("http://gateway/", { method: "POST", body, headers });
}

function nested(levels: number): string {
  return "[".repeat(levels) + "]".repeat(levels);
}

/** A body in pieces of unknown total length; counts how many were taken. */
function pieces(count: number, size: number): { body: ReadableStream; taken: () => number } {
  let taken = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      taken++;
      if (taken > count) controller.close();
      else controller.enqueue(new Uint8Array(size).fill(0x20));
    },
  });
  return { body, taken: () => taken };
}

describe("readJson", () => {
  it("reads JSON of any type our clients send it as", async () => {
    for (const type of [
      "application/json",
      "Application/JSON; charset=UTF-8",
      'application/merge-patch+json;charset="utf-8"',
    ]) {
      const read = await readJson(post('{"a":[1]}', { "content-type": type }));
      expect(read).toEqual({ ok: true, value: { a: [1] } });
    }
  });

  it("joins a body that comes in pieces and drops a byte order mark", async () => {
    const bytes = new TextEncoder().encode('\uFEFF{"city":"Orléans"}');
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    expect(await readJson(post(body))).toEqual({ ok: true, value: { city: "Orléans" } });
  });

  it.each([
    { "content-type": "text/plain" },
    { "content-type": "application/json; charset=latin1" },
    { ...JSON_TYPE, "content-encoding": "gzip" },
  ])("refuses %j as unsupported", async (headers) => {
    expect(await readJson(post("{}", headers))).toEqual({
      ok: false,
      error: { code: "unsupported_media_type" },
    });
  });

  it("refuses a body without a type, and no body at all", async () => {
    const bytes = new TextEncoder().encode("{}");
    for (const body of [bytes, null]) {
      const read = await readJson(new Request("http://gateway/", { method: "POST", body }));
      expect(read).toMatchObject({ error: { code: "unsupported_media_type" } });
    }
  });

  it("takes a body of exactly the limit and refuses one byte more", async () => {
    const text = `"${"x".repeat(MAX_BODY_BYTES - 2)}"`;
    expect(await readJson(post(text))).toMatchObject({ ok: true });
    expect(await readJson(post(`${text} `))).toEqual({
      ok: false,
      error: { code: "body_too_large", maxBytes: MAX_BODY_BYTES },
    });
  });

  it("refuses a body that says it is too long without reading it", async () => {
    const { body, taken } = pieces(1000, 1024);
    const headers = { ...JSON_TYPE, "content-length": "4097" };
    const read = await readJson(post(body, headers), { maxBytes: 4096 });
    expect(read).toMatchObject({ error: { code: "body_too_large" } });
    // One piece is asked for when the stream is made.
    expect(taken()).toBeLessThanOrEqual(1);
  });

  it("does not believe a length that is too short", async () => {
    const headers = { ...JSON_TYPE, "content-length": "2" };
    const read = await readJson(post(`"${"x".repeat(5000)}"`, headers), { maxBytes: 4096 });
    expect(read).toMatchObject({ error: { code: "body_too_large" } });
  });

  it("stops reading a body of unknown length soon after its limit", async () => {
    const { body, taken } = pieces(1000, 1024);
    const read = await readJson(post(body), { maxBytes: 4096 });
    expect(read).toMatchObject({ error: { code: "body_too_large" } });
    expect(taken()).toBeLessThan(10);
  });

  it("refuses bytes that are not UTF-8", async () => {
    const read = await readJson(post(Uint8Array.of(0x22, 0xc3, 0x28, 0x22)));
    expect(read).toMatchObject({
      error: { code: "invalid_json", detail: expect.stringMatching("UTF-8") },
    });
  });

  it("says where JSON breaks without quoting it", async () => {
    const read = await readJson(post('{"secret":"CANARY", oops}'));
    expect(read).toMatchObject({ ok: false, error: { code: "invalid_json" } });
    expect(JSON.stringify(read)).toMatch(/not valid JSON/);
    expect(JSON.stringify(read)).not.toContain("CANARY");
    expect(await readJson(post("{"))).toMatchObject({ error: { code: "invalid_json" } });
  });

  it(`takes ${MAX_NESTING} levels of nesting and refuses one more, without a stack`, async () => {
    expect(await readJson(post(nested(MAX_NESTING)))).toMatchObject({ ok: true });
    expect(await readJson(post(nested(MAX_NESTING + 1)))).toMatchObject({
      error: { code: "invalid_json", detail: expect.stringMatching("64 levels") },
    });
    expect(await readJson(post("[".repeat(500_000)))).toMatchObject({
      error: { code: "invalid_json" },
    });
  });
});

describe("readBody", () => {
  it("lets an optional body be missing", async () => {
    const request = new Request("http://gateway/", { method: "POST" });
    expect(await readBody(request, RunCancel, { isOptional: true })).toEqual({
      ok: true,
      value: {},
    });
  });

  it("tells a wrong shape from a value beyond its bound where the route asks for that", async () => {
    const tooBig = JSON.stringify({ calls: [{ tool: "a" }], max_parallel: 156 });
    const options = { isTooBigUnprocessable: true };
    expect(await readBody(post(tooBig), RunRequest, options)).toMatchObject({
      error: { code: "unprocessable", violations: [{ pointer: "/max_parallel" }] },
    });
    expect(await readBody(post(tooBig), RunRequest)).toMatchObject({
      error: { code: "validation_failed" },
    });
    expect(await readBody(post("{}"), RunRequest, options)).toMatchObject({
      error: { code: "validation_failed", violations: [{ pointer: "/calls" }] },
    });
  });
});

describe("isDeeperThan", () => {
  /** The same question by recursion over the parsed value. */
  function depthOf(value: unknown): number {
    if (typeof value !== "object" || value === null) return 0;
    return 1 + Math.max(0, ...Object.values(value).map(depthOf));
  }

  it("agrees with the parsed value for any JSON, whatever its strings hold", () => {
    const tricky = fc.stringMatching(/^[\\"[\]{}a]{0,12}$/);
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: "medium" },
        tricky,
        fc.array(tie("node"), { maxLength: 3 }),
        fc.dictionary(tricky, tie("node"), { maxKeys: 3 }),
      ),
    })).node;
    fc.assert(
      fc.property(value, fc.integer({ min: 0, max: 8 }), (json, most) => {
        expect(isDeeperThan(JSON.stringify(json), most)).toBe(depthOf(json) > most);
      }),
      { seed: 64, numRuns: 500 },
    );
  });

  it("stops at a string that never ends", () => {
    expect(isDeeperThan(`["${"[".repeat(100)}`, 64)).toBe(false);
    expect(isDeeperThan(`["\\"${"[".repeat(100)}`, 64)).toBe(false);
  });
});
