/**
 * The models a tenant can ask for. An upstream that names its models is answered from the definition; one that passes
 * every name through (`"*"`) is asked, through the guard like any of its requests, and when it does not answer its models are
 * missing from the list, not the list.
 */

import type { GatewayError } from "../contract/error.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import type { NamedUpstream, Target, Upstream } from "../contract/upstream.ts";
import { isJsonObject } from "../platform/canonical-json.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { providerHeaders } from "../upstream/provider-headers.ts";
import { rejected } from "../upstream/rejection.ts";
import { sendRequest } from "../upstream/send.ts";
import { routeModel, targetKey } from "./ask-model.ts";
import { guardUpstream, type UpstreamWorld } from "./guard-upstream.ts";

/** A model by the name clients use, and the upstream that serves it. */
export interface ListedModel {
  readonly id: string;
  readonly upstream: string;
}

/** How long one upstream may take to say what it has. */
const LIST_TIMEOUT_MS = 5_000;
/** Decoded bytes of one upstream's list. */
const MAX_LIST_BYTES = 1024 * 1024;
/** Models listed of one upstream. */
const MAX_LISTED = 1_000;

interface ListWorld extends UpstreamWorld {
  readonly env: Pick<Env, "MASTER_KEYS" | "ALLOW_LOOPBACK" | "TENANT_GATE" | "ROLE">;
  readonly snapshot: TenantSnapshot;
}

/** Every model of the tenant, in the order of its upstreams; a name is listed where it would be served. */
export async function listModels(
  world: ListWorld,
  signal: AbortSignal,
): Promise<readonly ListedModel[]> {
  const { snapshot } = world;
  const served = new Map<string, ListedModel>();
  for (const named of snapshot.upstreams) {
    const { models } = named.upstream;
    const ids = models === "*" ? await askUpstream(world, named, signal) : Object.keys(models);
    for (const id of ids) {
      if (served.has(id)) continue;
      served.set(id, { id, upstream: routeModel(snapshot, id)?.name ?? named.name });
    }
  }
  return [...served.values()];
}

/** All targets serve the same models: one that answers speaks for the others. */
async function askUpstream(
  world: ListWorld,
  { name, upstream }: NamedUpstream,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const listed = await guardUpstream<readonly string[]>(
    world,
    {
      name,
      upstream,
      affinity: "",
      timeoutMs: LIST_TIMEOUT_MS,
      allowed: "always",
      attempt: (target, attemptSignal) => askTarget(world, upstream, target, attemptSignal),
    },
    signal,
  );
  return listed.ok ? listed.value : [];
}

async function askTarget(
  { env, snapshot }: ListWorld,
  upstream: Upstream,
  target: Target,
  signal: AbortSignal,
): Promise<Result<readonly string[], GatewayError>> {
  const apiKey = await targetKey(env, snapshot, target);
  if (!apiKey.ok) return apiKey;
  const answered = await sendRequest(
    {
      method: "GET",
      url: new URL(`${target.base_url.replace(/\/$/, "")}/models`),
      headers: {
        accept: "application/json",
        ...providerHeaders(upstream.kind, apiKey.value),
      },
      body: null,
    },
    { allowLoopback: env.ALLOW_LOOPBACK === "true", maxBytes: MAX_LIST_BYTES },
    signal,
  );
  if (!answered.ok) {
    const isLost = answered.error.kind === "unreachable";
    return fail({ code: isLost ? "upstream_unreachable" : "cancelled" });
  }
  const { status, text, retryAfterMs } = answered.value;
  return status === 200 ? ok(modelIds(text)) : fail(rejected(status, null, retryAfterMs));
}

function modelIds(text: string): readonly string[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return [];
  }
  const data = isJsonObject(list) ? list["data"] : null;
  if (!Array.isArray(data)) return [];
  return data
    .flatMap((model: unknown) =>
      isJsonObject(model) && typeof model["id"] === "string" ? [model["id"]] : [],
    )
    .slice(0, MAX_LISTED);
}
