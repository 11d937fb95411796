/**
 * RunContext: what a run needs of its tenant, as plain data.
 *
 * It crosses RPC unchanged, so the same run can be built in the isolate, in a `RunJournal` or, call by call, in a
 * `ToolShard`. Secrets travel sealed and are opened only where a request is built.
 */

import type { Caller } from "../contract/admission.ts";
import type { KeyRecord } from "../contract/key.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import type { Tool } from "../contract/tool.ts";

/** Who asks for a run, as the edge knows it. */
export interface RunCaller {
  readonly snapshot: TenantSnapshot;
  readonly key: KeyRecord;
  /** BCP 47 tag tools are asked to answer in; part of every cache key. */
  readonly locale: string;
  readonly traceparent: string | null;
  /** The subject the request is about, where it names one. */
  readonly subject?: Caller["subject"];
}

/** A run's identity and its tenant's configuration, narrowed to what the key may use. */
export interface RunContext {
  readonly runId: string;
  readonly snapshot: TenantSnapshot;
  readonly locale: string;
  readonly traceparent: string | null;
  /** Tags under which results of any of the tenant's tools are kept. Absent from a run that an older release began. */
  readonly cacheTags?: readonly string[];
  /** Who asked, as far as limits know. Absent from an isolate that is one release behind. */
  readonly caller?: Caller;
}

/** The context of a new run of `caller`; tools the key may not use are not in it. */
export function runContext(caller: RunCaller, runId: string): RunContext {
  return {
    runId,
    snapshot: caller.key.tools === null ? caller.snapshot : narrowed(caller),
    locale: caller.locale,
    traceparent: caller.traceparent,
    // Of all tools: a key that may only write invalidates what others read.
    cacheTags: tagsOf(caller.snapshot),
    caller: callerOf(caller),
  };
}

function narrowed(caller: RunCaller): TenantSnapshot {
  return { ...caller.snapshot, tools: usableTools(caller) };
}

/** By snapshot, which is never changed: a tenant may have hundreds of tools, and every request asks. */
const tags = new WeakMap<TenantSnapshot, readonly string[]>();

function tagsOf(snapshot: TenantSnapshot): readonly string[] {
  const known = tags.get(snapshot);
  if (known !== undefined) return known;
  const all = [
    ...new Set(snapshot.tools.flatMap(({ definition }) => definition.cache?.tags ?? [])),
  ];
  tags.set(snapshot, all);
  return all;
}

/** Who asks, as far as limits know. */
export function callerOf({ key, subject = null }: RunCaller): Caller {
  return { keyId: key.keyId, limits: key.limits, subject };
}

/** The tenant's tools the key may use. */
export function usableTools({ snapshot, key }: RunCaller): readonly Tool[] {
  if (key.tools === null) return snapshot.tools;
  const allowed = new Set(key.tools);
  return snapshot.tools.filter((tool) => allowed.has(tool.name));
}
