/**
 * Faults of the model server: every one ends in a clean error envelope or error chunk, within its time, and says nothing
 * of what the provider sent.
 */

import { describe, expect, it } from "vitest";

import { isObject, listOf, objectOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import {
  eventsOf,
  newTenant,
  plain,
  scripted,
  send,
  servers,
  toolRequests,
  type TestTenant,
  type WireAnswer,
} from "./scene.ts";

/** Nothing that a stack, a provider's prose or a platform's error would leave behind. */
const TRACES = /\bat .+:\d+:\d+|secret prose|doctype|workerd|miniflare|Error:|\.ts\b/i;

/** A tenant whose model is the fault origin, which fails as the model's name says. */
function faultyTenant(timeouts: object = {}): Promise<TestTenant> {
  return newTenant({
    modelBaseUrl: `${servers.fault}/v1`,
    upstream: { timeouts: { first_byte_ms: 400, idle_ms: 400, total_ms: 2000, ...timeouts } },
  });
}

async function ask(tenant: TestTenant, model: string, stream: boolean): Promise<WireAnswer> {
  const began = Date.now();
  const answer = await send("POST", "/v1/chat/completions", {
    key: tenant.apiKey,
    body: { model, messages: [{ role: "user", content: "ping" }], stream },
  });
  expect(Date.now() - began).toBeLessThan(5000);
  expect(answer.text).not.toMatch(TRACES);
  return answer;
}

/** What a broken stream must be: text so far, one error chunk with the run's id, `[DONE]`, no finish. */
function brokenStream(answer: WireAnswer): { text: string; code: string | null } {
  expect(answer.status).toBe(200);
  expect(answer.text.endsWith("data: [DONE]\n\n")).toBe(true);
  const events = eventsOf(answer.text);
  const errors = events.filter((event) => isObject(event["error"]));
  expect(errors).toHaveLength(1);
  expect(events.at(-1)).toBe(errors[0]);
  const error = objectOf(errors[0] ?? {}, "error");
  expect(textOf(error, "run")).toBe(answer.headers.get("x-gw-run"));
  expect(textOf(error, "message")).toContain(textOf(error, "run") ?? "?");
  const choices = events.flatMap((event) => listOf(event, "choices")).map(plain);
  expect(choices.some((choice) => typeof choice["finish_reason"] === "string")).toBe(false);
  const text = choices.map((choice) => textOf(objectOf(choice, "delta"), "content") ?? "").join("");
  return { text, code: textOf(error, "code") };
}

function envelope(answer: WireAnswer): readonly [number, string | null] {
  const error = objectOf(answer.json, "error");
  expect(textOf(error, "message")?.length).toBeGreaterThan(10);
  expect(textOf(error, "type")).not.toBeNull();
  return [answer.status, textOf(error, "code")];
}

describe("a model server that fails before its first byte", () => {
  const cases: readonly (readonly [model: string, status: number, code: string])[] = [
    ["down", 502, "upstream_unreachable"],
    ["slow-headers", 504, "upstream_timeout"],
    ["status-500", 502, "upstream_rejected"],
    ["status-401", 502, "upstream_rejected"],
    ["status-429", 429, "rate_limit_exceeded"],
    ["huge-error", 502, "upstream_rejected"],
    ["redirect", 502, "egress_refused"],
    ["empty", 502, "upstream_invalid_response"],
    ["double-coded", 502, "upstream_invalid_response"],
  ];
  for (const [model, status, code] of cases) {
    it(`${status} ${code} for "${model}", streaming or not`, async () => {
      // Only who is late must be in a hurry: the others may be asked again, on a busy machine too.
      const tenant = await faultyTenant(status === 504 ? {} : { first_byte_ms: 1_500 });
      expect(envelope(await ask(tenant, model, false))).toEqual([status, code]);
      expect(envelope(await ask(tenant, model, true))).toEqual([status, code]);
    });
  }

  it("502 when nobody listens at its address", async () => {
    const tenant = await newTenant({ modelBaseUrl: "http://127.0.0.1:9/v1" });
    expect(envelope(await ask(tenant, "any", false))).toEqual([502, "upstream_unreachable"]);
  });

  it("504 when the run's own deadline passes first", async () => {
    const tenant = await newTenant({
      modelBaseUrl: `${servers.fault}/v1`,
      policy: { runs: { deadline_ms: 300 } },
    });
    expect(envelope(await ask(tenant, "slow-headers", false))).toEqual([504, "deadline_exceeded"]);
  });
});

describe("a model server that fails in the middle", () => {
  const cases: readonly (readonly [model: string, code: string, text: RegExp])[] = [
    ["cut-mid-stream", "upstream_invalid_response", /^half an ans$/],
    ["end-mid-stream", "upstream_invalid_response", /^half an ans$/],
    ["idle", "upstream_timeout", /^pong$/],
    ["endless", "upstream_timeout", /^(tick )+$/],
    ["error-in-stream", "overloaded", /^so far$/],
  ];
  for (const [model, code, text] of cases) {
    it(`ends the stream with the text so far and ${code} for "${model}"`, async () => {
      const tenant = await faultyTenant();
      const broken = brokenStream(await ask(tenant, model, true));
      expect(broken.text).toMatch(text);
      expect([code, "upstream_unreachable", "upstream_rejected"]).toContain(broken.code);
      const whole = await ask(tenant, model, false);
      expect([502, 504]).toContain(envelope(whole)[0]);
    });
  }

  it("survives garbage, HTML, broken UTF-8 and events beyond every bound", async () => {
    for (const model of ["garbage", "html", "invalid-utf8", "huge-event"]) {
      const tenant = await faultyTenant();
      const whole = await ask(tenant, model, false);
      expect(envelope(whole)).toEqual([502, "upstream_invalid_response"]);
      const streamed = await ask(tenant, model, true);
      const code = streamed.status === 200 ? brokenStream(streamed).code : envelope(streamed)[1];
      expect(code).toBe("upstream_invalid_response");
    }
  });

  it("is no fault when the answer was whole before the line broke", async () => {
    const tenant = await faultyTenant();
    for (const model of [
      "no-done",
      "finish-then-cut",
      "finish-then-silence",
      "done-then-silence",
    ]) {
      const answer = await ask(tenant, model, true);
      const events = eventsOf(answer.text);
      expect(events.some((event) => "error" in event)).toBe(false);
      expect(answer.text).toContain('"finish_reason":"stop"');
      expect(answer.text.endsWith("data: [DONE]\n\n")).toBe(true);
    }
  });

  it("cut in a later turn: the text and the tool work of the first stand, then the error", async () => {
    const tenant = await newTenant();
    const messages = [
      scripted(
        { text: "First. ", calls: [{ name: "wait", arguments: { ms: 1 } }] },
        { text: "one two three four five six seven", cut_after: 4 },
      ),
    ];
    const answer = await send("POST", "/v1/chat/completions", {
      key: tenant.apiKey,
      body: { model: "scripted-1", messages, stream: true },
    });
    const broken = brokenStream(answer);
    expect(broken.text).toMatch(/^First\. \n\none/);
    expect((await toolRequests(tenant.mark)).started).toBe(1);
  });

  it("leaves nothing open at the provider", async () => {
    const tenant = await faultyTenant();
    const before = await openAtFault();
    for (const model of ["slow-headers", "idle", "endless", "finish-then-silence"]) {
      await ask(tenant, model, true);
    }
    await expect.poll(openAtFault, { timeout: 3000 }).toBeLessThanOrEqual(before);
  });
});

describe("a model that writes nonsense", () => {
  async function chat(...turns: readonly UnknownObject[]) {
    const tenant = await newTenant();
    const answer = await send("POST", "/v1/chat/completions", {
      key: tenant.apiKey,
      body: { model: "scripted-1", messages: [scripted(...turns)] },
    });
    expect(answer.status).toBe(200);
    const [choice] = listOf(answer.json, "choices").map(plain);
    const text = textOf(objectOf(choice ?? {}, "message"), "content") ?? "";
    return { text, choice, started: (await toolRequests(tenant.mark)).started, json: answer.json };
  }

  it("gets an error result for arguments that are no JSON, and recovers", async () => {
    const { text, started, choice } = await chat(
      { calls: [{ name: "wait", arguments: '{"ms": 1' }] },
      { calls: [{ name: "wait", arguments: { ms: 1 } }] },
      { text: "Saw {{results}}" },
    );
    expect(text).toContain("arguments_not_json");
    expect(text).toContain('\\\\"ms\\\\":1'.replaceAll("\\\\", "\\"));
    expect(choice).toMatchObject({ finish_reason: "stop" });
    expect(started).toBe(1);
  });

  it("gets an error result for arguments against the schema, and nothing is sent", async () => {
    const { text, started } = await chat(
      { calls: [{ name: "wait", arguments: { ms: "soon" } }] },
      { text: "Saw {{results}}" },
    );
    expect(text).toContain("arguments_invalid");
    expect(text).toContain("/ms");
    expect(started).toBe(0);
  });

  it("gets an error result for a tool that does not exist, which the client never sees", async () => {
    const { text, choice } = await chat(
      { calls: [{ name: "no_such_tool", arguments: {} }] },
      { text: "Saw {{results}}" },
    );
    expect(text).toContain("unknown_tool");
    expect(plain(objectOf(choice ?? {}, "message"))["tool_calls"]).toBeUndefined();
  });
});

async function openAtFault(): Promise<number> {
  const stats = plain(await (await fetch(`${servers.fault}/stats`)).json());
  return Number(stats["open"]);
}
