/**
 * ExchangePart: what one concern adds to the exchange between this isolate and a tenant's gate. Its state is this isolate's own,
 * by tenant, and may be lost at any moment.
 */

import type { ExchangeAnswer, ExchangeRequest } from "../contract/exchange.ts";

/** One concern of the exchange; `gate-link.ts` lists all of them. */
export interface ExchangePart {
  /** True when this part wants an exchange now. */
  isDue(tenantId: string, nowMs: number): boolean;
  /** What it says, whoever asked for the exchange. */
  collect(tenantId: string, nowMs: number): Partial<ExchangeRequest>;
  /** Takes its part of the answer to what it said last; the exchange was sent at `sentAtMs`. */
  apply(tenantId: string, answer: ExchangeAnswer, sentAtMs: number, nowMs: number): void;
}
