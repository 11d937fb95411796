/**
 * Forward: the router. It reads the region word of the caller's key, else where the request came from, and hands the
 * untouched bytes to that region's Worker over a service binding.
 *
 * It parses nothing else and keeps nothing. A region that cannot be reached is answered with 503 and never replaced by
 * another one silently, because a tenant's requests may have to stay where they are.
 */

import type { KeyRegion } from "../contract/key.ts";

/** The serving Workers by region. */
export interface RouterEnv {
  readonly REGION_US: Fetcher;
  readonly REGION_EU: Fetcher;
  readonly REGION_APAC: Fetcher;
}

const BINDING: Readonly<Record<KeyRegion, keyof RouterEnv>> = {
  us: "REGION_US",
  eu: "REGION_EU",
  ap: "REGION_APAC",
};

/** True in the router's deployment, which has nothing but its role and its regions. */
export function isRouter(env: { readonly ROLE: string }): env is RouterEnv & { ROLE: "router" } {
  return env.ROLE === "router";
}

const RETRY_AFTER_S = 5;

const KEY_REGION = /^(?:Bearer +)?tfe_(?:live|test)_(us|eu|ap)_/i;

/** Continents served from elsewhere than the United States; Cloudflare's two-letter codes. */
const NEAREST: Readonly<Record<string, KeyRegion>> = { EU: "eu", AF: "eu", AS: "ap", OC: "ap" };

/** Forwards the request to its region; 503 when the region does not answer. */
export async function forward(request: Request, env: RouterEnv): Promise<Response> {
  const region = regionOf(request);
  try {
    return await env[BINDING[region]].fetch(request);
  } catch {
    return unavailable();
  }
}

/** The region a request belongs to: its key's, else the nearest to where it came from, else `us`. */
export function regionOf(request: Request): KeyRegion {
  const { headers } = request;
  const key = headers.get("authorization") ?? headers.get("x-api-key") ?? "";
  const word = KEY_REGION.exec(key)?.[1]?.toLowerCase();
  if (word === "us" || word === "eu" || word === "ap") return word;
  const continent = request.cf?.["continent"];
  return typeof continent === "string" ? (NEAREST[continent] ?? "us") : "us";
}

function unavailable(): Response {
  const body = {
    type: "https://toolformer-edge.dev/errors/unavailable",
    title: "The region of this key cannot be reached",
    status: 503,
    code: "unavailable",
    retry_after_ms: RETRY_AFTER_S * 1000,
  };
  return Response.json(body, {
    status: 503,
    headers: { "content-type": "application/problem+json", "retry-after": String(RETRY_AFTER_S) },
  });
}
