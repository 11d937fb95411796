/**
 * GateLink: when this isolate and a tenant's gate talk to each other beside single admissions, and what they say.
 *
 * One question at a time for each tenant, sent behind a request that is going on and never awaited by it. Each part of the
 * exchange says whether it has something to say; then all of them are collected into one call. A question whose answer
 * does not come is given up after `ANSWER_MS`; an answer to a question that is not the latest is void. A gate that fails is
 * left alone for a moment.
 */

import type { ExchangeRequest } from "../contract/exchange.ts";
import type { Residency } from "../contract/key.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import { breakerPart } from "./breaker-part.ts";
import type { ExchangePart } from "./exchange-part.ts";
import { leasePart } from "./lease-part.ts";
import { loadPart } from "./load-part.ts";
import { gateObject } from "./objects.ts";

/** Whose gate. */
export interface GateOwner {
  readonly tenantId: string;
  readonly residency: Residency;
}

/** All that an exchange is about. */
const PARTS: readonly ExchangePart[] = [leasePart, breakerPart, loadPart];

/** An answer that has not come by then is given up. */
const ANSWER_MS = 2000;

/** A gate that failed is left alone for this long. */
const REST_MS = 250;

/** Tenants one isolate keeps a link for, and how long an unused one is kept. */
const MAX_LINKS = 1000;
const LINK_KEPT_MS = 600_000;

interface Link {
  serial: number;
  /** When the question that is out was sent; null: none is. */
  sentAtMs: number | null;
  restsUntilMs: number;
}

const links = new BoundedMap<string, Link>(MAX_LINKS);

/** Random, made at the first question: a Worker has no randomness before its first request. */
let isolateId: string | null = null;
/** Counts all questions of this isolate, so that a link that was forgotten and made again never counts back. */
let serials = 0;

/** True while the gate failed a moment ago, so that it is not worth waiting for. */
export function isGateResting(tenantId: string, nowMs: number): boolean {
  return nowMs < (links.get(tenantId, nowMs)?.restsUntilMs ?? 0);
}

/** Notes that the gate failed. */
export function noteGateFailure(tenantId: string, nowMs: number): void {
  linkOf(tenantId, nowMs).restsUntilMs = nowMs + REST_MS;
}

/** Sends an exchange behind this request if any part wants one and none is out. Never fails. */
export function exchangeIfDue(
  env: Pick<Env, "TENANT_GATE" | "ROLE">,
  owner: GateOwner,
  waitUntil: (work: Promise<unknown>) => void,
  nowMs: number,
): void {
  const { tenantId } = owner;
  if (!PARTS.some((part) => part.isDue(tenantId, nowMs))) return;
  const link = linkOf(tenantId, nowMs);
  const isOut = link.sentAtMs !== null && nowMs - link.sentAtMs < ANSWER_MS;
  if (isOut || nowMs < link.restsUntilMs) return;
  waitUntil(exchange(env, owner, link, nowMs));
}

async function exchange(
  env: Pick<Env, "TENANT_GATE" | "ROLE">,
  { tenantId, residency }: GateOwner,
  link: Link,
  sentAtMs: number,
): Promise<void> {
  const serial = (serials += 1);
  link.serial = serial;
  link.sentAtMs = sentAtMs;
  isolateId ??= crypto.randomUUID();
  const request: ExchangeRequest = Object.assign(
    { isolate: isolateId, serial },
    ...PARTS.map((part) => part.collect(tenantId, sentAtMs)),
  );
  try {
    const answer = await gateObject(env, residency, tenantId).exchange(request);
    if (link.serial !== serial) return;
    link.sentAtMs = null;
    const nowMs = Date.now();
    for (const part of PARTS) part.apply(tenantId, answer, sentAtMs, nowMs);
  } catch {
    // The platform could not carry it, or the object is one release behind: everything here works without, for a while.
    if (link.serial !== serial) return;
    link.sentAtMs = null;
    link.restsUntilMs = Date.now() + REST_MS;
  }
}

function linkOf(tenantId: string, nowMs: number): Link {
  const known = links.get(tenantId, nowMs);
  const link = known ?? { serial: 0, sentAtMs: null, restsUntilMs: 0 };
  links.set(tenantId, link, nowMs + LINK_KEPT_MS);
  return link;
}
