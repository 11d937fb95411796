/**
 * Backpressure: admits a request as its tenant's policy wants it when there is no room: refuses it, lets it wait its turn, or keeps
 * the room for what matters more.
 *
 * The queue is this isolate's own, bounded in length and in time, first come first served but for the few at its front, who all try.
 * A request that would not pass within its wait is refused at once. One whose client leaves is out of the queue at once and has taken
 * nothing. A place is dated, so that a request that was cut off does not keep it.
 */

import type { GateSession } from "../contract/admission.ts";
import type { Priority } from "../contract/backpressure.ts";
import type { GatewayError } from "../contract/error.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import { fail, type Result } from "../platform/result.ts";
import { admissionRequest, admit } from "./admit.ts";
import { leasesOf } from "./lease-part.ts";
import type { LimitedTenant } from "./limit-draws.ts";
import {
  standOf,
  type GateEnv,
  type PassOptions,
  type Refusal,
  type WaitUntil,
} from "./pass-limits.ts";

/** Those at the front of a queue who may try. */
const FRONT = 8;

/** How often somebody looks whether it is at the front, and whether a run has ended. */
const LOOK_MS = 25;

/** Less than this must not be left of a limit, or requests of that priority are refused. */
const LEAST_LEFT: Readonly<Record<Priority, number>> = { high: 0, normal: 0.1, low: 0.5 };

/** When somebody who was dropped should come back. */
const DROPPED_RETRY_MS = 1000;

/** Tenants with a queue in this isolate, and how long an unused one is kept. */
const MAX_QUEUES = 1000;
const QUEUE_KEPT_MS = 120_000;

/** Places in order, each with when it ends at the latest. */
type Queue = Map<symbol, number>;

const queues = new BoundedMap<string, Queue>(MAX_QUEUES);

/** Who asks, how much it matters, and until when. */
export interface PatientOptions extends PassOptions {
  readonly priority: Priority;
  /** Aborts when the client has left. */
  readonly signal: AbortSignal;
}

type Admitted = Result<GateSession, Refusal>;

/** Admits under the policy's backpressure. */
export async function admitPatiently(
  env: GateEnv,
  waitUntil: WaitUntil,
  tenant: LimitedTenant,
  caller: Parameters<typeof admit>[3],
  options: PatientOptions,
): Promise<Admitted> {
  const { backpressure } = tenant.policy;
  const attempt = () => admit(env, waitUntil, tenant, caller, options);
  if (backpressure?.strategy === "drop")
    return dropped(tenant, caller, options.priority) ?? attempt();
  if (backpressure?.strategy !== "queue" && backpressure?.strategy !== "adaptive") return attempt();
  const { max_queue: maxQueue, max_wait_ms: maxWaitMs } = backpressure;
  const startedMs = Date.now();
  const queue = queueOf(tenant.tenantId, startedMs);
  // Who comes while others wait does not overtake them.
  const first = queue.size === 0 ? await attempt() : null;
  if (first !== null && (first.ok || waitOf(first.error.error) === null)) return first;
  const full = { code: "unavailable", retryAfterMs: DROPPED_RETRY_MS } as const;
  if (queue.size >= maxQueue) return first ?? fail({ error: full, rates: [] });
  return waitTurn(queue, attempt, first, startedMs + maxWaitMs, options.signal);
}

async function waitTurn(
  queue: Queue,
  attempt: () => Promise<Admitted>,
  first: Admitted | null,
  endsMs: number,
  signal: AbortSignal,
): Promise<Admitted> {
  const place = Symbol("place");
  queue.set(place, endsMs);
  let last = first;
  let triesAtMs = first === null ? 0 : Date.now() + retryMs(first);
  try {
    while (!signal.aborted) {
      const nowMs = Date.now();
      if (nowMs >= endsMs || triesAtMs > endsMs) return last ?? refused(endsMs - nowMs);
      if (nowMs < triesAtMs || !isInFront(queue, place)) {
        await sleep(Math.min(LOOK_MS, endsMs - nowMs), signal);
        continue;
      }
      last = await attempt();
      if (last.ok && signal.aborted) last.value.release();
      else if (last.ok || waitOf(last.error.error) === null) return last;
      triesAtMs = Date.now() + retryMs(last);
    }
    return fail({ error: { code: "cancelled" }, rates: [] });
  } finally {
    queue.delete(place);
  }
}

/** Nobody tried, because others waited in front all the time. */
function refused(waitMs: number): Admitted {
  const retryAfterMs = Math.max(DROPPED_RETRY_MS, waitMs);
  return fail({ error: { code: "unavailable", retryAfterMs }, rates: [] });
}

function retryMs(admitted: Admitted): number {
  return admitted.ok ? 0 : (waitOf(admitted.error.error) ?? 0);
}

/** When to try again after a refusal that passes by itself, null after another one. A run may end at any moment. */
function waitOf(error: GatewayError): number | null {
  if (error.code === "quota_exceeded") return error.retryAfterMs;
  return error.code === "concurrency_exceeded" ? LOOK_MS : null;
}

/** A refusal, when too little is left for a request of this priority. */
function dropped(
  tenant: LimitedTenant,
  caller: Parameters<typeof admit>[3],
  priority: Priority,
): Admitted | null {
  const nowMs = Date.now();
  const { holder } = leasesOf(tenant.tenantId, nowMs);
  const { rates } = admissionRequest(tenant, caller);
  const short = rates.find((rate) => {
    const { left, burst } = standOf(holder, rate, nowMs);
    return left < burst * LEAST_LEFT[priority];
  });
  if (short === undefined) return null;
  const error = {
    code: "quota_exceeded",
    limit: short.id,
    retryAfterMs: DROPPED_RETRY_MS,
  } as const;
  return fail({ error, rates: [] });
}

function queueOf(tenantId: string, nowMs: number): Queue {
  const queue = queues.get(tenantId, nowMs) ?? new Map<symbol, number>();
  queues.set(tenantId, queue, nowMs + QUEUE_KEPT_MS);
  for (const [place, endsMs] of queue) if (endsMs <= nowMs) queue.delete(place);
  return queue;
}

function isInFront(queue: Queue, place: symbol): boolean {
  let n = 0;
  for (const other of queue.keys()) {
    if (other === place) return true;
    n += 1;
    if (n >= FRONT) return false;
  }
  return false;
}

/** Resolves after `ms` or when the signal aborts. */
async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.max(1, ms));
  const stop = () => resolve();
  signal.addEventListener("abort", stop, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", stop);
}
