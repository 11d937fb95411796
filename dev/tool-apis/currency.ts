/** Sample exchange rates, fixed so that answers repeat; they are not today's rates. */

import { fail, ok, type Result } from "../../src/platform/result.ts";

/** Units of each currency for one euro. */
const PER_EURO: Readonly<Record<string, number>> = {
  EUR: 1,
  USD: 1.08,
  GBP: 0.85,
  JPY: 162.5,
  CHF: 0.95,
  CAD: 1.47,
  AUD: 1.64,
  SEK: 11.3,
  INR: 90.1,
  CNY: 7.8,
};

/** An amount in another currency. */
export interface Conversion {
  readonly from: string;
  readonly to: string;
  readonly amount: number;
  readonly rate: number;
  readonly result: number;
}

/** Converts an amount; the failure names the unknown currency. */
export function convert(from: string, to: string, amount: number): Result<Conversion, string> {
  const source = PER_EURO[from.toUpperCase()];
  const target = PER_EURO[to.toUpperCase()];
  if (source === undefined) return fail(`unknown currency ${from}`);
  if (target === undefined) return fail(`unknown currency ${to}`);
  const rate = target / source;
  return ok({
    from: from.toUpperCase(),
    to: to.toUpperCase(),
    amount,
    rate: Math.round(rate * 1e6) / 1e6,
    result: Math.round(amount * rate * 100) / 100,
  });
}
