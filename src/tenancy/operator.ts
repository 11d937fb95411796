/**
 * Bootstrap: the deployment's first operator key, against the secret it was deployed with. Once, then never again.
 */

import type { GatewayError } from "../contract/error.ts";
import { utf8 } from "../platform/encoding.ts";
import { newOrderedId } from "../platform/id.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { hashKey } from "./key-hash.ts";
import { newKeyText } from "./mint.ts";
import { directoryShard, operatorObject } from "./objects.ts";

/** A shorter bootstrap secret could be guessed; a deployment with one cannot be bootstrapped. */
const MIN_SECRET_CHARACTERS = 16;

/** An operator key, this once with its text. */
export interface OperatorKey {
  readonly id: string;
  readonly key: string;
}

/** The first operator key. `unauthenticated` for a wrong secret, `gone` from the second time on. */
export async function bootstrap(
  env: Pick<Env, "BOOTSTRAP_SECRET" | "KEY_DIRECTORY" | "KEY_PEPPERS" | "ROLE">,
  secret: string,
  nowMs: number,
): Promise<Result<OperatorKey, GatewayError>> {
  const isRight = await isSameText(secret, env.BOOTSTRAP_SECRET);
  if (!isRight || env.BOOTSTRAP_SECRET.length < MIN_SECRET_CHARACTERS) {
    return fail({ code: "unauthenticated" });
  }
  const text = newKeyText(env, "us");
  const { hash, pepper } = await hashKey(env, text);
  const record = {
    keyId: newOrderedId("key", nowMs),
    tenantId: null,
    residency: "none" as const,
    scopes: ["operator" as const],
    tools: null,
    limits: null,
    expiresAtMs: null,
  };
  // The key first, the claim second: a crash in between leaves a key nobody has, not a deployment without an operator.
  const shard = directoryShard(env, "us", hash);
  await shard.putKey({ hash, pepper, record });
  if (await operatorObject(env).claimBootstrap(nowMs)) return ok({ id: record.keyId, key: text });
  await shard.removeKeys([hash]);
  return fail({ code: "gone" });
}

/** Compares digests of one length, so the time taken says nothing about either text. */
async function isSameText(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([
    crypto.subtle.digest("SHA-256", utf8(a)),
    crypto.subtle.digest("SHA-256", utf8(b)),
  ]);
  return crypto.subtle.timingSafeEqual(left, right);
}
