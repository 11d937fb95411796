/**
 * The models a tenant can ask for. An upstream that names its models is answered from the definition; one that passes
 * every name through (`"*"`) is asked, and when it does not answer its models are missing from the list, not the list.
 */

import type { TenantSnapshot } from "../contract/tenant.ts";
import type { NamedUpstream, Target, Upstream } from "../contract/upstream.ts";
import { isJsonObject } from "../platform/canonical-json.ts";
import { lookUp } from "../resilience/look-up.ts";
import { providerHeaders } from "../upstream/provider-headers.ts";
import { sendRequest } from "../upstream/send.ts";
import { routeModel, targetKey } from "./ask-model.ts";

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

/** Every model of the tenant, in the order of its upstreams; a name is listed where it would be served. */
export async function listModels(
  env: Pick<Env, "MASTER_KEYS" | "ALLOW_LOOPBACK">,
  snapshot: TenantSnapshot,
  signal: AbortSignal,
): Promise<readonly ListedModel[]> {
  const served = new Map<string, ListedModel>();
  for (const named of snapshot.upstreams) {
    const { models } = named.upstream;
    const ids =
      models === "*" ? await askUpstream(env, snapshot, named, signal) : Object.keys(models);
    for (const id of ids) {
      if (served.has(id)) continue;
      served.set(id, { id, upstream: routeModel(snapshot, id)?.name ?? named.name });
    }
  }
  return [...served.values()];
}

async function askUpstream(
  env: Pick<Env, "MASTER_KEYS" | "ALLOW_LOOPBACK">,
  snapshot: TenantSnapshot,
  { upstream }: NamedUpstream,
  signal: AbortSignal,
): Promise<readonly string[]> {
  // They all serve the same models: the first one that answers speaks for the others.
  for (const target of upstream.targets) {
    const ids = await askTarget(env, snapshot, upstream, target, signal);
    if (ids !== null) return ids;
  }
  return [];
}

async function askTarget(
  env: Pick<Env, "MASTER_KEYS" | "ALLOW_LOOPBACK">,
  snapshot: TenantSnapshot,
  upstream: Upstream,
  target: Target,
  signal: AbortSignal,
): Promise<readonly string[] | null> {
  const apiKey = await targetKey(env, snapshot, target);
  if (!apiKey.ok) return null;
  const answered = await lookUp(LIST_TIMEOUT_MS, signal, (attemptSignal) =>
    sendRequest(
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
      attemptSignal,
    ),
  );
  return answered.ok && answered.value.status === 200 ? modelIds(answered.value.text) : null;
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
