/**
 * Single flight: of those who want the same result at the same time, in whichever isolate, one asks the tool.
 *
 * Isolates cannot share promises, so they meet in an object of the tenant, which elects and never asks the tool itself.
 * Who waits leaves when its call is aborted or its time is over; who waits for a leader that does not come back asks for
 * the lead. An object that cannot be reached, or does not answer soon, means that everybody asks for itself.
 */

import type { FlightAnswer, FlightAsk, ResultTimes } from "../../contract/flight.ts";
import type { ResultKey } from "./cache-key.ts";
import { within } from "./within.ts";

/** The objects of one tenant in which isolates meet. Every method may reject. */
export interface Flights {
  ask(key: ResultKey, asked: FlightAsk): Promise<FlightAnswer>;
  wait(key: ResultKey, ticket: string): Promise<FlightAnswer>;
  leave(key: ResultKey, ticket: string, everyone: boolean): Promise<void>;
  /** Resolves with how many waited. */
  post(key: ResultKey, sealed: string, times: ResultTimes | null): Promise<number>;
}

/** What is to be done. `isShared`: it was waited for. `late`: the call was aborted, or its time is over. */
export type Turn =
  | {
      readonly kind: "found";
      readonly sealed: string;
      readonly isFirst: boolean;
      readonly isShared: boolean;
    }
  | { readonly kind: "lead"; readonly ticket: string; readonly known: string | null }
  | { readonly kind: "alone" }
  | { readonly kind: "late" };

/** An object that takes longer is not asked: most tools would have answered. */
const MAX_ASK_MS = 1000;

/** Leaders that one call waits for. */
const MAX_LEADERS = 8;

/** What waiting needs of the world. */
export interface FlightPorts {
  readonly flights: Flights;
  readonly now: () => number;
  readonly defer: (work: Promise<unknown>) => void;
}

/** Waits for the turn of one call, at most its own time. Never rejects. */
export async function takeTurn(
  ports: FlightPorts,
  key: ResultKey,
  asked: FlightAsk,
  signal: AbortSignal,
): Promise<Turn> {
  const { flights, now } = ports;
  const endsAtMs = now() + asked.timeoutMs;
  let ticket: string | null = null;
  for (let leader = 0; leader < MAX_LEADERS; leader += 1) {
    const timeoutMs = Math.max(1, endsAtMs - now());
    const again: FlightAsk = { ...asked, timeoutMs, ...(ticket !== null && { ticket }) };
    const answer = await askSoon(ports, key, again, signal);
    if (answer.kind !== "wait") return turnOf(answer, false);
    ticket = answer.ticket;
    const waitMs = Math.min(answer.leaderMs, endsAtMs - now());
    const waiting = flights.wait(key, ticket).catch(() => ALONE);
    const told = await within(waitMs, signal, waiting);
    if (told !== null) return turnOf(told, true);
    if (signal.aborted || now() >= endsAtMs) {
      leaveSoon(ports, key, ticket);
      return { kind: "late" };
    }
  }
  if (ticket !== null) leaveSoon(ports, key, ticket);
  return ALONE;
}

/** The answer, or `alone`; a ticket that comes too late is given back. */
async function askSoon(
  ports: FlightPorts,
  key: ResultKey,
  asked: FlightAsk,
  signal: AbortSignal,
): Promise<FlightAnswer> {
  const asking = ports.flights.ask(key, asked).catch(() => ALONE);
  const answer = await within(MAX_ASK_MS, signal, asking);
  if (answer !== null) return answer;
  const late = asking.then((told) =>
    "ticket" in told ? ports.flights.leave(key, told.ticket, false) : undefined,
  );
  ports.defer(late.catch(() => undefined));
  return ALONE;
}

function leaveSoon({ flights, defer }: FlightPorts, key: ResultKey, ticket: string): void {
  defer(flights.leave(key, ticket, false).catch(() => undefined));
}

function turnOf(answer: FlightAnswer, isShared: boolean): Turn {
  switch (answer.kind) {
    case "found":
      return { ...answer, isShared };
    case "lead":
      return answer;
    case "alone":
    case "wait":
      return ALONE;
  }
}

const ALONE = { kind: "alone" } as const;
