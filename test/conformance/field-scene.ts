/** How the tests of single fields ask: one tool call, one chat, and what a tool or a model provider saw of it. */

import { expect } from "vitest";

import {
  isObject,
  listOf,
  objectOf,
  parseObject,
  textOf,
  type UnknownObject,
} from "../../dev/http/json.ts";
import {
  becomes,
  plain,
  scripted,
  send,
  servers,
  toolRequests,
  type TestTenant,
  type WireAnswer,
} from "./scene.ts";

/** A tool that answers with the request it got; `http` and `extra` replace fields of it. */
export function echoTool(http: object = {}, extra: object = {}): UnknownObject {
  return {
    description: "Echoes its request",
    input: { type: "object", properties: { q: { type: "string" } } },
    effect: "read",
    http: { method: "GET", url: `${servers.tools}/echo`, ...http },
    ...extra,
  };
}

/** A tool that answers after so many milliseconds and is counted under `mark`. */
export function waitTool(ms: number, mark: string, extra: object = {}): UnknownObject {
  const http = { url: `${servers.tools}/sleep/${ms}`, query: { k: mark, n: "{q}" } };
  return echoTool(http, extra);
}

/** Calls of one tool, told apart by `q`. */
export function callsOf(tool: string, count: number): readonly UnknownObject[] {
  return Array.from({ length: count }, (_, n) => ({ tool, arguments: { q: String(n) } }));
}

/** A run of these calls. */
export function run(
  tenant: TestTenant,
  calls: readonly UnknownObject[],
  body: object = {},
  headers: Record<string, string> = {},
): Promise<WireAnswer> {
  return send("POST", "/v1/runs", { key: tenant.apiKey, body: { calls, ...body }, headers });
}

/** The results of a run. */
export function resultsOf(answer: WireAnswer): readonly UnknownObject[] {
  return listOf(answer.json, "results").filter(isObject);
}

/** The result of one call. */
export async function callTool(
  tenant: TestTenant,
  tool: string,
  args: object = {},
  headers: Record<string, string> = {},
): Promise<UnknownObject> {
  const answer = await run(tenant, [{ tool, arguments: args }], {}, headers);
  return resultsOf(answer)[0] ?? answer.json;
}

/** The output of one call: for an echo, the request as the tool saw it. */
export async function outputOf(
  tenant: TestTenant,
  tool: string,
  args: object = {},
  headers: Record<string, string> = {},
): Promise<UnknownObject> {
  return objectOf(await callTool(tenant, tool, args, headers), "output");
}

/** A chat completion with scripted turns; `body` replaces fields of the request. */
export function chat(
  tenant: TestTenant,
  turns: readonly UnknownObject[],
  body: object = {},
  headers: Record<string, string> = {},
): Promise<WireAnswer> {
  return send("POST", "/v1/chat/completions", {
    key: tenant.apiKey,
    body: { model: "scripted-1", messages: [scripted(...turns)], ...body },
    headers,
  });
}

/**
 * Whether the first of two calls of the tool `step`, counted under the tenant's mark, is under way while the model still has
 * to write the second.
 */
export async function startsWhileWriting(tenant: TestTenant): Promise<boolean> {
  const step = (q: string) => ({ name: "step", arguments: { q } });
  const turn = { calls: [step("a"), step("b")], gap_ms: 1200 };
  const answer = chat(tenant, [turn, { text: "Done." }], { stream: true });
  const early = await becomes(async () => (await toolRequests(tenant.mark)).started > 0, 700);
  expect((await answer).status).toBe(200);
  expect((await toolRequests(tenant.mark)).started).toBe(2);
  return early;
}

/** Text and code of an answer: what the model said, or why it did not. */
export function saidBy(answer: WireAnswer): { text: string; code: string | null } {
  const message = objectOf(plain(listOf(answer.json, "choices")[0]), "message");
  return {
    text: textOf(message, "content") ?? "",
    code: textOf(objectOf(answer.json, "error"), "code"),
  };
}

/** What a model provider that echoes saw of a chat: its headers and the request body. The provider is the fault origin. */
export async function seenByProvider(
  tenant: TestTenant,
  model = "echo",
): Promise<{ readonly headers: UnknownObject; readonly body: UnknownObject }> {
  const seen = parseObject(saidBy(await chat(tenant, [], { model })).text);
  return { headers: objectOf(seen, "headers"), body: parseObject(textOf(seen, "body") ?? "") };
}
