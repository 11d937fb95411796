/**
 * Prepares a gateway over HTTP, as an operator and a tenant would: the operator's key, a tenant, its upstream, secrets
 * and tools. Used by `npm start`, the demo, the conformance tests and the benches. A refusal throws with the status and
 * the gateway's own words, because nothing here can go on without it.
 */

import { isObject, objectOf, parseJson, textOf, type UnknownObject } from "./http/json.ts";
import { demoTools } from "./demo/tools.ts";

/** The gateway said no. */
export class RefusedError extends Error {
  /** HTTP status. */
  readonly status: number;
  /** The answer's body as text. */
  readonly body: string;

  constructor(request: string, status: number, body: string) {
    super(`${request}: ${status} ${body.slice(0, 500)}`);
    this.status = status;
    this.body = body;
  }
}

/** Sends one JSON request; the answer's JSON object, `{}` for an empty one. Throws `RefusedError` for a bad status. */
export type GatewayCall = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<UnknownObject>;

/** A caller with a key (null: without). */
export function gatewayCaller(baseUrl: string, key: string | null): GatewayCall {
  return async (method, path, body, headers) => {
    const response = await fetch(baseUrl + path, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new RefusedError(`${method} ${path}`, response.status, text);
    const value = parseJson(text);
    return isObject(value) ? value : {};
  };
}

/** The first operator key of a fresh deployment. */
export async function bootstrapOperator(baseUrl: string, secret: string): Promise<string> {
  const made = await gatewayCaller(baseUrl, null)("POST", "/v1/bootstrap", { secret });
  return required(made, "key");
}

/** What a tenant is made with. Only what is given is set up. */
export interface TenantSetup {
  readonly name?: string;
  /** Further fields of `POST /v1/tenants`: residency, limits … */
  readonly tenant?: UnknownObject;
  /** Base URL of an OpenAI-compatible API, with its `/v1`. */
  readonly modelBaseUrl?: string;
  /** Sealed as a secret bound to the model's host. */
  readonly modelApiKey?: string;
  /** Further fields of the upstream, e.g. `timeouts` or `models`. */
  readonly upstream?: UnknownObject;
  /** Definitions by name, as `PUT /v1/tools/{name}` takes them. */
  readonly tools?: Readonly<Record<string, unknown>>;
  /** A merge patch for the policy. */
  readonly policy?: UnknownObject;
}

/** A tenant ready to be used. */
export interface ReadyTenant {
  readonly tenantId: string;
  readonly keyId: string;
  readonly apiKey: string;
  /** Requests with the tenant's key. */
  readonly call: GatewayCall;
}

/** Creates a tenant with all that `setup` names. Every test makes its own, so tests never share limits or state. */
export async function createTenantForTests(
  baseUrl: string,
  operatorKey: string,
  setup: TenantSetup = {},
): Promise<ReadyTenant> {
  const made = await gatewayCaller(baseUrl, operatorKey)("POST", "/v1/tenants", {
    name: setup.name ?? "test",
    ...setup.tenant,
  });
  const key = objectOf(made, "key");
  const apiKey = required(key, "key");
  const call = gatewayCaller(baseUrl, apiKey);
  await setUpTenant(call, setup);
  return {
    tenantId: required(objectOf(made, "tenant"), "id"),
    keyId: required(key, "id"),
    apiKey,
    call,
  };
}

/** Sets up upstream, tools and policy of a tenant that exists; may be repeated. */
export async function setUpTenant(call: GatewayCall, setup: TenantSetup): Promise<void> {
  if (setup.modelBaseUrl !== undefined) {
    if (setup.modelApiKey !== undefined) {
      const { host } = new URL(setup.modelBaseUrl);
      await call("PUT", "/v1/secrets/model", { value: setup.modelApiKey, hosts: [host] });
    }
    const credentials = setup.modelApiKey === undefined ? {} : { api_key: "{{secret.model}}" };
    await call("PUT", "/v1/upstreams/model", {
      kind: "openai",
      models: "*",
      targets: [{ id: "main", base_url: setup.modelBaseUrl, ...credentials }],
      ...setup.upstream,
    });
  }
  for (const [name, definition] of Object.entries(setup.tools ?? {})) {
    await call("PUT", `/v1/tools/${encodeURIComponent(name)}`, definition);
  }
  if (setup.policy !== undefined) await call("PATCH", "/v1/policy", setup.policy);
}

/** Where the demo tenant's model and tools are. */
export interface DemoWorld {
  readonly modelBaseUrl: string;
  readonly modelApiKey?: string;
  readonly toolsBaseUrl: string;
}

/** What `npm start` remembers between two starts. */
export interface DemoAccess {
  readonly operatorKey: string;
  readonly tenantId: string;
  readonly apiKey: string;
}

/**
 * The tenant `demo` with the sample tools. `known` is what an earlier start remembered; where the gateway still knows it,
 * only upstream and tools are written again, because their ports may have changed.
 */
export async function provisionDemo(
  baseUrl: string,
  bootstrapSecret: string,
  world: DemoWorld,
  known: DemoAccess | null = null,
): Promise<DemoAccess> {
  const setup: TenantSetup = {
    name: "demo",
    modelBaseUrl: world.modelBaseUrl,
    ...(world.modelApiKey === undefined ? {} : { modelApiKey: world.modelApiKey }),
    tools: demoTools(world.toolsBaseUrl),
  };
  if (known !== null && (await stillWorks(baseUrl, known))) {
    await setUpTenant(gatewayCaller(baseUrl, known.apiKey), setup);
    return known;
  }
  const operatorKey = await bootstrapOperator(baseUrl, bootstrapSecret);
  const { tenantId, apiKey } = await createTenantForTests(baseUrl, operatorKey, setup);
  return { operatorKey, tenantId, apiKey };
}

async function stillWorks(baseUrl: string, known: DemoAccess): Promise<boolean> {
  try {
    await gatewayCaller(baseUrl, known.operatorKey)("GET", `/v1/tenants/${known.tenantId}`);
    await gatewayCaller(baseUrl, known.apiKey)("GET", "/v1/tools");
    return true;
  } catch (error) {
    if (error instanceof RefusedError && (error.status === 401 || error.status === 404))
      return false;
    throw error;
  }
}

function required(object: UnknownObject, key: string): string {
  const value = textOf(object, key);
  if (value === null) throw new Error(`the gateway's answer has no ${key}`);
  return value;
}
