/**
 * What guesses are made from, by tenant: in this isolate's memory alone. Losing it costs guesses; it is never written
 * anywhere, so nothing of a conversation outlives the isolate. The least recently used tenant leaves when there are too many.
 */

import type { TenantSnapshot } from "../contract/tenant.ts";
import type { ChatPorts, Clock } from "../orchestration/ports.ts";
import { draftModel } from "../orchestration/speculation/draft-model.ts";
import type { Speculation } from "../orchestration/speculation/speculator.ts";
import { TenantMemory } from "../orchestration/speculation/tenant-memory.ts";
import { typicalMsOf } from "./tool-latency.ts";

/** Tenants remembered at once. */
export const MAX_TENANTS = 64;

/** Isolate cache, least recently used first. */
const memories = new Map<string, TenantMemory>();

/** The port of a run that may guess; nothing when the tenant's policy says no. */
export function speculationOf(
  { tenantId, policy }: TenantSnapshot,
  clock: Clock,
  askModel: ChatPorts["askModel"],
): { readonly speculation?: Speculation } {
  const { enabled, budget, confidence_threshold: threshold, model } = policy.runs.speculation;
  if (!enabled) return {};
  const predictor = model === undefined ? {} : { predictor: draftModel(askModel, model) };
  const typicalMs = typicalMsOf(tenantId, clock);
  return {
    speculation: { memory: memoryOf(tenantId), budget, threshold, typicalMs, ...predictor },
  };
}

function memoryOf(tenantId: string): TenantMemory {
  const memory = memories.get(tenantId) ?? new TenantMemory();
  memories.delete(tenantId);
  memories.set(tenantId, memory);
  const [oldest] = memories.keys();
  if (memories.size > MAX_TENANTS && oldest !== undefined) memories.delete(oldest);
  return memory;
}
