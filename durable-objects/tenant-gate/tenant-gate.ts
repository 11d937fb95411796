/**
 * TenantGate: the one place a tenant's rates and concurrency are decided.
 *
 * One object per tenant, so decisions for a tenant are serialised and tenants never share a bottleneck. The state is
 * worked on in memory; before an answer leaves, the disk is at least as strict, so an evicted object never admits more
 * than it would have (`GateMemory` says what an eviction may cost). A refusal writes nothing. Permits end by themselves, so
 * a lost isolate cannot hold one.
 */

import { DurableObject } from "cloudflare:workers";

import type { Admission, AdmissionRequest } from "../../src/contract/admission.ts";
import { fail, ok } from "../../src/platform/result.ts";
import { migrate } from "../shared/migrate.ts";
import { decide, type Debit } from "./decide.ts";
import { GateMemory } from "./gate-memory.ts";
import { MIGRATIONS, upsertBuckets } from "./schema.ts";

interface BucketRow extends Record<string, SqlStorageValue> {
  readonly id: string;
  readonly tokens: number;
  readonly parts: number;
  readonly at_ms: number;
  readonly rate_limit: number;
  readonly window_ms: number;
  readonly burst: number;
}

interface PermitRow extends Record<string, SqlStorageValue> {
  readonly id: string;
  readonly limits: string;
  readonly expires_at_ms: number;
}

/** Rows erased with a tenant. */
export interface ErasedGate {
  readonly buckets: number;
  readonly permits: number;
}

export class TenantGate extends DurableObject<Env> {
  readonly #sql: SqlStorage;
  #memory: GateMemory;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    migrate(ctx.storage, MIGRATIONS);
    this.#sql = ctx.storage.sql;
    this.#memory = this.#load();
  }

  /** Debits every limit of the request together and hands out a permit, or refuses and consumes nothing. */
  admit(request: AdmissionRequest): Admission {
    const nowMs = Date.now();
    for (const id of this.#memory.permits.expire(nowMs)) this.#deletePermit(id);
    const decision = decide(this.#memory, request, nowMs);
    if (!decision.ok) return fail(decision.error);
    this.#debit(decision.value, nowMs);
    return ok({ permit: this.#permit(request, nowMs), rates: decision.value.rates });
  }

  /** Gives a permit back. An unknown or ended one changes nothing, so it may be called twice. */
  release(permit: string): void {
    const slot = this.#memory.permits.release(permit);
    if (slot !== null) this.#deletePermit(slot);
  }

  /** Erases everything, in storage and in memory. */
  async erase(): Promise<ErasedGate> {
    const erased = { buckets: this.#count("bucket"), permits: this.#count("permit") };
    await this.ctx.storage.deleteAll();
    migrate(this.ctx.storage, MIGRATIONS);
    this.#memory = new GateMemory();
    return erased;
  }

  #debit(debit: Debit, nowMs: number): void {
    const values: SqlStorageValue[] = [];
    let rows = 0;
    for (const { id, bucket } of debit.buckets) {
      const row = this.#memory.debit(id, bucket);
      if (row === null) continue;
      rows += 1;
      values.push(id, row.tokens, row.parts, row.atMs, row.limit, row.windowMs, row.burst);
    }
    if (rows > 0) this.#sql.exec(upsertBuckets(rows), ...values);
    for (const id of this.#memory.forgetFull(nowMs)) {
      this.#sql.exec("DELETE FROM bucket WHERE id = ?", id);
    }
  }

  #permit(request: AdmissionRequest, nowMs: number): string | null {
    if (request.concurrency.length === 0) return null;
    const endsMs = nowMs + request.permitTtlMs;
    const { permit, write } = this.#memory.permits.hold(request.concurrency, endsMs, () =>
      crypto.randomUUID(),
    );
    if (write !== null) {
      this.#sql.exec(
        "INSERT OR REPLACE INTO permit (id, limits, expires_at_ms) VALUES (?, ?, ?)",
        write.id,
        write.limits.join(" "),
        write.expiresAtMs,
      );
    }
    return permit;
  }

  #deletePermit(id: string): void {
    this.#sql.exec("DELETE FROM permit WHERE id = ?", id);
  }

  #load(): GateMemory {
    const memory = new GateMemory();
    for (const row of this.#sql.exec<BucketRow>("SELECT * FROM bucket")) {
      const { tokens, parts, burst } = row;
      memory.load(row.id, {
        tokens,
        parts,
        atMs: row.at_ms,
        limit: row.rate_limit,
        windowMs: row.window_ms,
        burst,
      });
    }
    for (const row of this.#sql.exec<PermitRow>("SELECT * FROM permit")) {
      memory.permits.load({
        id: row.id,
        limits: row.limits.split(" "),
        expiresAtMs: row.expires_at_ms,
      });
    }
    return memory;
  }

  #count(table: "bucket" | "permit"): number {
    return this.#sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`).one().n;
  }
}
