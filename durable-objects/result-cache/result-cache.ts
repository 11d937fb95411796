/**
 * ResultCache: one shard of a tenant's tool results, and the place where those who want the same result meet. One more of
 * them counts how often results were invalidated.
 *
 * Results get here sealed. A resident tenant's are kept on disk, in its jurisdiction; others only in memory, for those who
 * come at the same time. Who asks the tool is elected (flight-table.ts); the object never asks it itself. Losing memory
 * costs requests that could have been saved, nothing else.
 */

import { DurableObject } from "cloudflare:workers";

import type {
  FlightAnswer,
  FlightAsk,
  ResultGenerations,
  ResultTimes,
} from "../../src/contract/flight.ts";
import { FlightTable } from "./flight-table.ts";
import { GenerationTable } from "./generation-table.ts";
import { ResultTable } from "./result-table.ts";

/** Between two sweeps of a shard that keeps something. */
const SWEEP_MS = 3_600_000;

export class ResultCache extends DurableObject<Env> {
  readonly #flights = new FlightTable();
  readonly #results: ResultTable;
  readonly #generations: GenerationTable;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#results = new ResultTable(ctx.storage);
    this.#generations = new GenerationTable(ctx.storage);
  }

  /** The result, or who is to ask for it. */
  ask(key: string, asked: FlightAsk): FlightAnswer {
    const nowMs = Date.now();
    const kept = this.#results.read(key, nowMs);
    if (kept !== null && (!asked.elects || nowMs < kept.staleUntilMs))
      return { kind: "found", sealed: kept.sealed, isFirst: kept.isFirst };
    if (!asked.elects) return { kind: "alone" };
    return this.#flights.ask(key, asked, kept?.sealed ?? null, nowMs);
  }

  /** Resolves with what becomes of one who was told to wait: the result, its turn to ask, or that it asks alone. */
  wait(key: string, ticket: string): Promise<FlightAnswer> {
    return this.#flights.wait(key, ticket);
  }

  /** One who asked or waited is gone. With `everyone` nobody gets what a leader brings: each asks for itself. */
  leave(key: string, ticket: string, everyone: boolean): void {
    this.#flights.leave(key, ticket, everyone, Date.now());
  }

  /**
   * A result has come: those who wait get it, later ones find it. `times` null: only for those who wait. `durable`: kept on
   * disk. Returns how many waited. Anybody of the tenant's isolates may bring one: the key says what it is.
   */
  async post(
    key: string,
    sealed: string,
    times: ResultTimes | null,
    durable: boolean,
  ): Promise<number> {
    const nowMs = Date.now();
    const waited = this.#flights.land(key, sealed);
    if (times === null) return waited;
    const row = {
      sealed,
      staleUntilMs: nowMs + times.staleMs,
      keptUntilMs: nowMs + times.keptMs,
    };
    this.#results.keep(key, row, durable, waited > 0, nowMs);
    const { storage } = this.ctx;
    if (durable && (await storage.getAlarm()) === null) await storage.setAlarm(nowMs + SWEEP_MS);
    return waited;
  }

  /** How often the tenant's results were invalidated. */
  generations(): ResultGenerations {
    return this.#generations.read();
  }

  /** Invalidates the results of these scopes. */
  invalidate(scopes: readonly string[]): ResultGenerations {
    return this.#generations.advance(scopes);
  }

  /** Erases everything; how many results lay on disk. */
  async erase(): Promise<number> {
    const count = this.#results.count();
    this.#results.forgetMemory();
    await this.ctx.storage.deleteAll();
    return count;
  }

  /** Sweeps, and goes on as long as something is kept. */
  override async alarm(): Promise<void> {
    const { storage } = this.ctx;
    if (this.#results.sweep(Date.now()) > 0) await storage.setAlarm(Date.now() + SWEEP_MS);
    else await storage.deleteAll();
  }
}
