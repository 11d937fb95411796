/**
 * Objects: where each of a tenant's objects is. Names and placement are decided here and made into stubs by the
 * jurisdiction adapter, so nothing else in this room knows either.
 */

import type { KeyRegion, Residency } from "../contract/key.ts";
import type { RegionHint } from "../contract/tenant.ts";
import { objectStub } from "../regions/jurisdiction.ts";

/** Directories a tenant may be listed in. */
export const DIRECTORIES: readonly KeyRegion[] = ["us", "eu", "ap"];

/** Shards of one directory region. Never change it: a key's shard follows from its HMAC and this number. */
const SHARDS = 8;

/** Where the objects of a directory region live. `ap` has no jurisdiction to live in. */
const DIRECTORY_RESIDENCY: Readonly<Record<KeyRegion, Residency>> = {
  us: "us",
  eu: "eu",
  ap: "none",
};

const LOCATION: Readonly<Record<RegionHint, DurableObjectLocationHint>> = {
  us: "enam",
  eu: "weur",
  apac: "apac",
};

type DirectoryEnv = Pick<Env, "KEY_DIRECTORY" | "ROLE">;

/**
 * The directory that knows a tenant's keys: its jurisdiction's, else that of its hint. FedRAMP tenants are listed in `us`:
 * the key format has three region words, and the directory holds HMACs, opaque ids and rights only.
 */
export function directoryOf(residency: Residency, hint: RegionHint): KeyRegion {
  if (residency === "eu") return "eu";
  if (residency === "us" || residency === "fedramp") return "us";
  return hint === "apac" ? "ap" : hint;
}

/** Where a tenant is served by preference. Residency wins over what was asked for. */
export function hintOf(residency: Residency, asked: RegionHint | undefined): RegionHint {
  if (residency === "none") return asked ?? "us";
  return residency === "eu" ? "eu" : "us";
}

/** The shard that knows the key with this HMAC (hex). */
export function directoryShard(env: DirectoryEnv, region: KeyRegion, hash: string) {
  return directoryObject(env, region, shardNameOf(hash));
}

/** Names a shard among all directories: keys of one name are found with one question. */
export function shardName(region: KeyRegion, hash: string): string {
  return `${region}/${shardNameOf(hash)}`;
}

/** The list of tenants of a directory region. */
export function directoryIndex(env: DirectoryEnv, region: KeyRegion) {
  return directoryObject(env, region, "index");
}

/** The one object that remembers whether this deployment was bootstrapped. */
export function operatorObject(env: DirectoryEnv) {
  return directoryObject(env, "us", "operator");
}

/** A tenant's own object. The hint places it when it is made. */
export function tenantObject(
  env: Pick<Env, "TENANT" | "ROLE">,
  residency: Residency,
  tenantId: string,
  hint?: RegionHint,
) {
  return objectStub(env, env.TENANT, residency, tenantId, hint && LOCATION[hint]);
}

/** A tenant's gate. The hint places it when it is made. */
export function gateObject(
  env: Pick<Env, "TENANT_GATE" | "ROLE">,
  residency: Residency,
  tenantId: string,
  hint?: RegionHint,
) {
  return objectStub(env, env.TENANT_GATE, residency, tenantId, hint && LOCATION[hint]);
}

/** What a later response of a tenant goes on from: `name` is a kept response's or a held turn's. */
export function conversationObject(
  env: Pick<Env, "CONVERSATION" | "ROLE">,
  residency: Residency,
  tenantId: string,
  name: string,
) {
  return objectStub(env, env.CONVERSATION, residency, `${tenantId}/${name}`);
}

/** The object of one run of a tenant. */
export function runObject(
  env: Pick<Env, "RUN_JOURNAL" | "ROLE">,
  residency: Residency,
  tenantId: string,
  runId: string,
) {
  return objectStub(env, env.RUN_JOURNAL, residency, `${tenantId}/run/${runId}`);
}

/** Shards of one tenant's results. A change of it only loses what was kept. */
export const RESULT_SHARDS = 8;

/** The shard of a tenant's results that a key belongs to: keys end in a hash. */
export function resultObject(
  env: Pick<Env, "RESULT_CACHE" | "ROLE">,
  residency: Residency,
  tenantId: string,
  key: string,
) {
  // Of the last character of 43 in base64url only four bits carry the hash, so the one before it is taken.
  return resultShard(
    env,
    residency,
    tenantId,
    (key.codePointAt(key.length - 2) ?? 0) % RESULT_SHARDS,
  );
}

/** Counts how often a tenant's results were invalidated. */
export function generationsObject(
  env: Pick<Env, "RESULT_CACHE" | "ROLE">,
  residency: Residency,
  tenantId: string,
) {
  return objectStub(env, env.RESULT_CACHE, residency, `${tenantId}/results/generations`);
}

/** One shard of a tenant's results. */
export function resultShard(
  env: Pick<Env, "RESULT_CACHE" | "ROLE">,
  residency: Residency,
  tenantId: string,
  shard: number,
) {
  return objectStub(env, env.RESULT_CACHE, residency, `${tenantId}/results/${shard}`);
}

function shardNameOf(hash: string): string {
  return `keys:${Number.parseInt(hash.charAt(0), 16) % SHARDS}`;
}

function directoryObject(env: DirectoryEnv, region: KeyRegion, name: string) {
  const location = LOCATION[region === "ap" ? "apac" : region];
  return objectStub(env, env.KEY_DIRECTORY, DIRECTORY_RESIDENCY[region], name, location);
}
