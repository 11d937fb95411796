/**
 * Kept results of one tenant: each in a `KeptResult` object whose name carries the tenant, compressed above a size and
 * sealed with the tenant's data key. What this run kept and is short is also held in memory, where its own questions find
 * it without a round trip.
 *
 * Keeping and reading never fail a run: what could not be stored in time is not kept, what cannot be read is unknown.
 */

import type { KeptResults } from "../orchestration/ports.ts";
import { RESULT_HANDLE } from "../contract/result-query.ts";
import { utf8 } from "../platform/encoding.ts";
import { objectStub } from "../regions/jurisdiction.ts";
import { tenantBox } from "./tenant-box.ts";
import type { ToolContext } from "./tool-ports.ts";

/** Shorter values are stored as they are: compressing them costs more than it saves. */
const MIN_COMPRESSED_BYTES = 4 * 1024;

/** How long storing or reading one value may take. */
const MAX_STORE_MS = 20_000;

/** Values a run holds in memory: each at most this long, together at most that, in characters. */
const MAX_HELD_LENGTH = 64 * 1024;
const MAX_HELD_TOGETHER = 4 * 1024 * 1024;

/** First byte of what is sealed. */
const PLAIN = 0;
const GZIP = 1;

/** Kept results for a run of this tenant. */
export function keptResults(
  env: Pick<Env, "ROLE" | "KEPT_RESULT" | "MASTER_KEYS">,
  context: Pick<ToolContext, "tenantId" | "residency" | "dataKey" | "results">,
): KeptResults {
  const held = new Map<string, string>();
  let heldTogether = 0;
  const stubOf = (handle: string) => {
    const name = `${context.tenantId}/result/${handle}`;
    return objectStub(env, env.KEPT_RESULT, context.residency, name);
  };
  async function keep(handle: string, json: string): Promise<boolean> {
    const box = await tenantBox(env, context);
    const sealed = await box.sealBytes(placeOf(handle), await pack(utf8(json)));
    await stubOf(handle).keep(sealed, context.results.keep_s * 1000);
    if (json.length <= MAX_HELD_LENGTH && heldTogether + json.length <= MAX_HELD_TOGETHER) {
      held.set(handle, json);
      heldTogether += json.length;
    }
    return true;
  }
  async function read(handle: string): Promise<string | null> {
    if (!RESULT_HANDLE.test(handle)) return null;
    const known = held.get(handle);
    if (known !== undefined) return known;
    const sealed = await stubOf(handle).read();
    if (sealed === null) return null;
    const box = await tenantBox(env, context);
    const packed = await box.openBytes(placeOf(handle), sealed);
    return packed === null ? null : new TextDecoder().decode(await unpack(packed));
  }
  return {
    maxTokensPerTurn: context.results.max_tokens_per_turn,
    keep: (handle, json) => within(keep(handle, json), false),
    read: (handle) => within(read(handle), null),
  };
}

/** Bound into what is sealed, so a value moved to another handle does not open. */
function placeOf(handle: string): string {
  return `result/${handle}`;
}

async function pack(bytes: Uint8Array): Promise<Uint8Array> {
  const isShort = bytes.length < MIN_COMPRESSED_BYTES;
  const body = isShort ? bytes : await through(bytes, new CompressionStream("gzip"));
  const packed = new Uint8Array(body.length + 1);
  packed[0] = isShort ? PLAIN : GZIP;
  packed.set(body, 1);
  return packed;
}

async function unpack(packed: Uint8Array): Promise<Uint8Array> {
  const body = packed.subarray(1);
  return packed[0] === GZIP ? through(body, new DecompressionStream("gzip")) : body;
}

async function through(
  bytes: Uint8Array,
  coder: CompressionStream | DecompressionStream,
): Promise<Uint8Array> {
  const source = new Blob([bytes]).stream();
  return new Uint8Array(await new Response(source.pipeThrough(coder)).arrayBuffer());
}

/** The value, or `otherwise` when it failed or took longer than `MAX_STORE_MS`. */
async function within<T>(work: Promise<T>, otherwise: T): Promise<T> {
  const { promise: late, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(() => resolve(otherwise), MAX_STORE_MS);
  try {
    return await Promise.race([work.catch(() => otherwise), late]);
  } finally {
    clearTimeout(timer);
  }
}
