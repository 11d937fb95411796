/** What the tests with the unmodified Anthropic SDK start from; the model is a parameter, because each file has its own. */

import Anthropic from "@anthropic-ai/sdk";

import { parseObject, textOf, type UnknownObject } from "../../dev/http/json.ts";
import type { ModelServer } from "../../dev/model-server.ts";
import { gateway, newTenant, plain, scripted, type TestTenant } from "./scene.ts";

/** A tenant whose upstream is of this kind. */
export function tenantOf(
  model: ModelServer,
  kind: string,
  setup: object = {},
): Promise<TestTenant> {
  return newTenant({ modelBaseUrl: `${model.url}/v1`, upstream: { kind }, ...setup });
}

/** The unmodified client, with only the base URL and the key changed. */
export function sdkOf({ apiKey }: { readonly apiKey: string }): Anthropic {
  return new Anthropic({ baseURL: gateway.baseUrl, apiKey, maxRetries: 0 });
}

/** Bodies the model was asked with by requests that hold `mark`, in order. */
export async function askedOf(model: ModelServer, mark: string): Promise<readonly UnknownObject[]> {
  const seen: unknown = await (await fetch(`${model.url}/_requests`)).json();
  const bodies = (Array.isArray(seen) ? seen : []).map((one) => textOf(plain(one), "body") ?? "");
  return bodies.filter((body) => body.includes(mark)).map(parseObject);
}

/** A call of a scripted turn. */
export function call(name: string, args: object) {
  return { name, arguments: args };
}

/** A request whose answers are scripted. */
export function ask(...turns: readonly UnknownObject[]) {
  return { model: "scripted-1", max_tokens: 1000, messages: [scripted(...turns)] };
}

/** A tool of the client. */
export const OWN_TOOL: Anthropic.Tool = {
  name: "mine",
  description: "Own tool",
  input_schema: { type: "object", properties: { n: { type: "integer" } } },
};

/** Types of a message's blocks. */
export function typesOf(message: { readonly content: readonly { readonly type: string }[] }) {
  return message.content.map(({ type }) => type);
}

/** Texts of a message's blocks, `|` for every other block. */
export function textIn(message: Anthropic.Message): string {
  return message.content.map((block) => (block.type === "text" ? block.text : "")).join("|");
}

/** What a promise was rejected with, or null. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error: unknown) => error,
  );
}
