/**
 * FlightTable: of those who want the same result at the same time, one asks its tool and the others wait for it.
 *
 * The first is the leader until it posts, leaves, or its time is over; then the one who has waited longest leads. Memory
 * only: who waits is connected, so when the object goes they all learn it and ask for themselves. Everything is bounded;
 * beyond a bound one asks alone.
 */

import type { FlightAnswer, FlightAsk } from "../../src/contract/flight.ts";

/** Results being asked for at once. */
export const MAX_FLIGHTS = 10_000;

/** Those who wait for one of them. */
export const MAX_WAITERS = 1_000;

/** Ends of flights for those who have not come to wait yet. */
const MAX_UNHEARD = 1_000;

interface Waiter {
  /** Null until it comes to wait. */
  tell: ((answer: FlightAnswer) => void) | null;
}

interface Flight {
  leader: string;
  leaderEndsMs: number;
  /** By ticket, in the order they came. */
  readonly waiters: Map<string, Waiter>;
  timeoutMs: number;
}

export class FlightTable {
  readonly #flights = new Map<string, Flight>();
  /** By ticket; the oldest leave first. */
  readonly #unheard = new Map<string, FlightAnswer>();
  #tickets = 0;

  /** Results being asked for. */
  get size(): number {
    return this.#flights.size;
  }

  /** Makes the asker leader, or lets it wait; `known` goes along with a leader. */
  ask(
    key: string,
    { timeoutMs, ticket }: FlightAsk,
    known: string | null,
    nowMs: number,
  ): FlightAnswer {
    const flight = this.#flights.get(key);
    if (flight === undefined) return this.#begin(key, timeoutMs, known, nowMs);
    if (ticket !== undefined && flight.leader === ticket) return { kind: "lead", ticket, known };
    const own = ticket !== undefined && flight.waiters.has(ticket) ? ticket : this.#ticket();
    if (nowMs >= flight.leaderEndsMs) {
      flight.waiters.delete(own);
      flight.leader = own;
      flight.leaderEndsMs = nowMs + timeoutMs;
      return { kind: "lead", ticket: own, known };
    }
    if (flight.waiters.size >= MAX_WAITERS) return { kind: "alone" };
    if (!flight.waiters.has(own)) flight.waiters.set(own, { tell: null });
    return { kind: "wait", ticket: own, leaderMs: flight.leaderEndsMs - nowMs };
  }

  /** Resolves with what becomes of the one who waits under this ticket; at once when that is known or it does not wait. */
  wait(key: string, ticket: string): Promise<FlightAnswer> {
    const unheard = this.#unheard.get(ticket);
    if (unheard !== undefined) {
      this.#unheard.delete(ticket);
      return Promise.resolve(unheard);
    }
    const flight = this.#flights.get(key);
    const waiter = flight?.waiters.get(ticket);
    // It was made leader between its two questions.
    if (flight?.leader === ticket) return Promise.resolve({ kind: "lead", ticket, known: null });
    if (waiter === undefined) return Promise.resolve({ kind: "alone" });
    const { promise, resolve } = Promise.withResolvers<FlightAnswer>();
    waiter.tell?.({ kind: "alone" });
    waiter.tell = resolve;
    return promise;
  }

  /** Takes one out. When that was the leader the next leads, or with `everyone` all ask for themselves. */
  leave(key: string, ticket: string, everyone: boolean, nowMs: number): void {
    const flight = this.#flights.get(key);
    if (flight === undefined) return;
    flight.waiters.delete(ticket);
    if (flight.leader !== ticket) return;
    if (everyone) return this.#end(key, flight, { kind: "alone" });
    const [next] = flight.waiters;
    if (next === undefined) return void this.#flights.delete(key);
    const [nextTicket, waiter] = next;
    flight.waiters.delete(nextTicket);
    flight.leader = nextTicket;
    flight.leaderEndsMs = nowMs + flight.timeoutMs;
    waiter.tell?.({ kind: "lead", ticket: nextTicket, known: null });
  }

  /** Gives those who wait the result; how many they are. */
  land(key: string, sealed: string): number {
    const flight = this.#flights.get(key);
    if (flight === undefined) return 0;
    const waiting = flight.waiters.size;
    this.#end(key, flight, { kind: "found", sealed, isFirst: true });
    return waiting;
  }

  #begin(key: string, timeoutMs: number, known: string | null, nowMs: number): FlightAnswer {
    if (this.#flights.size >= MAX_FLIGHTS) this.#sweep(nowMs);
    if (this.#flights.size >= MAX_FLIGHTS) return { kind: "alone" };
    const ticket = this.#ticket();
    const leaderEndsMs = nowMs + timeoutMs;
    this.#flights.set(key, { leader: ticket, leaderEndsMs, waiters: new Map(), timeoutMs });
    return { kind: "lead", ticket, known };
  }

  #end(key: string, flight: Flight, answer: FlightAnswer): void {
    this.#flights.delete(key);
    let told = answer;
    for (const [ticket, waiter] of flight.waiters) {
      if (waiter.tell === null) this.#keep(ticket, told);
      else waiter.tell(told);
      // The first alone is to put it where others find it without asking here.
      if (told.kind === "found") told = { ...told, isFirst: false };
    }
  }

  #keep(ticket: string, answer: FlightAnswer): void {
    this.#unheard.set(ticket, answer);
    const [oldest] = this.#unheard.keys();
    if (this.#unheard.size > MAX_UNHEARD && oldest !== undefined) this.#unheard.delete(oldest);
  }

  /** Takes out those whose leader has not come back and for whom nobody waits. */
  #sweep(nowMs: number): void {
    for (const [key, flight] of this.#flights) {
      if (nowMs >= flight.leaderEndsMs && flight.waiters.size === 0) this.#flights.delete(key);
    }
  }

  #ticket(): string {
    this.#tickets += 1;
    return String(this.#tickets);
  }
}
