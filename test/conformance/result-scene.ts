/** A tenant whose tool answers as long as it is told, and what a model reads of it. */

import { parseJson, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { chat, echoTool, saidBy } from "./field-scene.ts";
import { newTenant, plain, servers, type TestTenant } from "./scene.ts";

/** A tenant whose tool `records` answers with about `bytes` bytes; `tool` and `policy` replace fields. */
export function recordsTenant(
  bytes: number,
  tool: UnknownObject = {},
  policy: UnknownObject = {},
): Promise<TestTenant> {
  const http = { url: `${servers.tools}/records/${bytes}` };
  return newTenant({ tools: { records: echoTool(http, tool) }, policy });
}

/** A turn that calls `records` once. */
export const READ: UnknownObject = { calls: [{ name: "records" }] };

/** What the model read of its tool calls in these turns, one text each. */
export async function readByModel(
  tenant: TestTenant,
  ...turns: readonly UnknownObject[]
): Promise<readonly string[]> {
  const answer = await chat(tenant, [...turns, { text: "{{results}}" }]);
  const texts = parseJson(saidBy(answer).text);
  return Array.isArray(texts) ? texts.map(String) : [];
}

/** The handle in what a model read, or nothing. */
export function handleIn(text = ""): string {
  return textOf(plain(parseJson(text)), "handle") ?? "";
}
