/** What every conformance test starts from: a tenant of its own, clients for it, and a look at the far end. */

import OpenAI, { type ClientOptions } from "openai";
import { inject } from "vitest";

import {
  isObject,
  listOf,
  numberOf,
  objectOf,
  parseJson,
  textOf,
  type UnknownObject,
} from "../../dev/http/json.ts";
import { createTenantForTests, type ReadyTenant, type TenantSetup } from "../../dev/provision.ts";
import type { SharedGateway } from "../support/gateway.ts";
import type { RunningServer } from "../support/servers.ts";

/** The gateway and the servers behind it. */
export const gateway: SharedGateway = inject("gateway");
export const servers: Readonly<Record<"model" | "tools" | "fault", RunningServer["url"]>> = {
  model: inject("servers")["model"] ?? "",
  tools: inject("servers")["tools"] ?? "",
  fault: inject("servers")["fault"] ?? "",
};

/** A tenant and the mark by which the tool server counts its requests. */
export interface TestTenant extends ReadyTenant {
  /** `?k=` of every request of this tenant's tools. */
  readonly mark: string;
}

let made = 0;

/** A word nobody else uses. */
export function unique(prefix: string): string {
  made += 1;
  return `${prefix}-${process.pid.toString(36)}-${Date.now().toString(36)}-${made}`;
}

/** A tenant with the scripted model and the tools of `testTools`. */
export async function newTenant(setup: TenantSetup = {}): Promise<TestTenant> {
  const mark = unique("k");
  const ready = await createTenantForTests(gateway.baseUrl, gateway.operatorKey, {
    modelBaseUrl: `${servers.model}/v1`,
    tools: testTools(mark),
    ...setup,
  });
  return { ...ready, mark };
}

/** A read with a result, a slow read, a write, and a tool that fails. */
export function testTools(mark: string): Readonly<Record<string, UnknownObject>> {
  const { tools } = servers;
  const object = (properties: UnknownObject, required: readonly string[]): UnknownObject => ({
    type: "object",
    properties,
    required,
    additionalProperties: false,
  });
  const text = { type: "string" };
  return {
    get_weather: {
      description: "Current weather for a city",
      input: object({ city: text }, ["city"]),
      effect: "read",
      http: { method: "GET", url: `${tools}/weather/{city}`, query: { k: mark } },
    },
    wait: {
      description: "Waits so many milliseconds",
      input: object({ ms: { type: "integer", minimum: 0 }, n: { type: "integer" } }, ["ms"]),
      effect: "read",
      http: { method: "GET", url: `${tools}/sleep/{ms}`, query: { n: "{n}", k: mark } },
    },
    record_note: {
      description: "Records a note",
      input: object({ entry: text }, ["entry"]),
      effect: "write",
      http: { method: "POST", url: `${tools}/ledger`, query: { k: mark }, body: "json" },
    },
    broken: {
      description: "Always fails",
      input: object({}, []),
      effect: "read",
      // Sent once, so that requests can be counted.
      retry: { max_attempts: 1 },
      http: { method: "GET", url: `${tools}/echo`, query: { k: mark, fault: "500" } },
    },
  };
}

/** The unmodified client, with only the base URL and the key changed. */
export function clientOf(tenant: { readonly apiKey: string }, options: ClientOptions = {}): OpenAI {
  return new OpenAI({
    baseURL: `${gateway.baseUrl}/v1`,
    apiKey: tenant.apiKey,
    maxRetries: 0,
    ...options,
  });
}

/** A user message that fixes every answer of the scripted model. */
export function scripted(...turns: readonly UnknownObject[]): { role: "user"; content: string } {
  return { role: "user", content: `#script ${JSON.stringify({ turns })}` };
}

/** A value as a plain object, for fields that a client's types do not know. */
export function plain(value: unknown): UnknownObject {
  return isObject(value) ? value : {};
}

/** An answer as it came over the wire. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** `{}` when the body is no JSON object. */
  readonly json: UnknownObject;
}

/** What a raw request may have besides method and path. A `body` that is a string is sent as it is. */
export interface WireRequest {
  readonly key?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly baseUrl?: string;
}

/** One raw request to the gateway. */
export async function send(
  method: string,
  path: string,
  { key, body, headers, signal, baseUrl = gateway.baseUrl }: WireRequest = {},
): Promise<WireAnswer> {
  const response = await fetch(baseUrl + path, {
    method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: plain(parseJson(text)),
  };
}

/** Pointers of a problem's violations. */
export function pointersOf(answer: WireAnswer): readonly string[] {
  return listOf(answer.json, "violations").map((one) => textOf(plain(one), "pointer") ?? "?");
}

/** Requests the tool server saw with this mark; `peak` is the most at once. */
export async function toolRequests(
  mark: string,
): Promise<{ started: number; open: number; peak: number }> {
  const stats = plain(await (await fetch(`${servers.tools}/_stats`)).json());
  const count = objectOf(objectOf(stats, "keys"), mark);
  const number = (name: string) => numberOf(count, name) ?? 0;
  return { started: number("started"), open: number("open"), peak: number("peak") };
}

/** Ledger entries with this text. */
export async function ledgerEntries(entry: string): Promise<number> {
  const ledger = plain(await (await fetch(`${servers.tools}/ledger`)).json());
  return listOf(ledger, "entries").filter((one) => plain(one)["entry"] === entry).length;
}

/** Asks `check` until it says yes, at most `withinMs`; false when it never did. */
export async function becomes(check: () => Promise<boolean>, withinMs: number): Promise<boolean> {
  const until = Date.now() + withinMs;
  while (Date.now() < until) {
    if (await check()) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return check();
}

/** The events of an SSE or NDJSON text as objects, in order; comments and `[DONE]` are left out. */
export function eventsOf(text: string): readonly UnknownObject[] {
  return text.split("\n").flatMap((line) => {
    const value = parseJson(line.startsWith("data: ") ? line.slice(6) : line);
    return isObject(value) ? [value] : [];
  });
}
