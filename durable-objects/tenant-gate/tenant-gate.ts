/**
 * TenantGate: the one place a tenant's rates and concurrency are decided.
 *
 * One object per tenant, so decisions for a tenant are serialised and tenants never share a bottleneck. The state is
 * worked on in memory and written through in the same turn, so the answer leaves only once the debit is durable and an
 * evicted object loses nothing. A refusal writes nothing. Permits end by themselves, so a lost isolate cannot hold one.
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
    if (this.#memory.expirePermits(nowMs)) {
      this.#sql.exec("DELETE FROM permit WHERE expires_at_ms <= ?", nowMs);
    }
    const decision = decide(this.#memory, request, nowMs);
    if (!decision.ok) return fail(decision.error);
    this.#debit(decision.value, nowMs);
    return ok({ permit: this.#permit(request, nowMs), rates: decision.value.rates });
  }

  /** Gives a permit back. An unknown or ended one changes nothing, so it may be called twice. */
  release(permit: string): void {
    if (this.#memory.dropPermit(permit)) this.#sql.exec("DELETE FROM permit WHERE id = ?", permit);
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
    if (debit.buckets.length === 0) return;
    const values: SqlStorageValue[] = [];
    for (const { id, bucket } of debit.buckets) {
      this.#memory.setBucket(id, bucket);
      const { tokens, parts, atMs, limit, windowMs, burst } = bucket;
      values.push(id, tokens, parts, atMs, limit, windowMs, burst);
    }
    this.#sql.exec(upsertBuckets(debit.buckets.length), ...values);
    for (const id of this.#memory.forgetFull(nowMs)) {
      this.#sql.exec("DELETE FROM bucket WHERE id = ?", id);
    }
  }

  #permit(request: AdmissionRequest, nowMs: number): string | null {
    if (request.concurrency.length === 0) return null;
    const id = crypto.randomUUID();
    const limits = request.concurrency.map((limit) => limit.id);
    const expiresAtMs = nowMs + request.permitTtlMs;
    this.#memory.addPermit(id, { limits, expiresAtMs });
    this.#sql.exec(
      "INSERT INTO permit (id, limits, expires_at_ms) VALUES (?, ?, ?)",
      id,
      limits.join(" "),
      expiresAtMs,
    );
    return id;
  }

  #load(): GateMemory {
    const memory = new GateMemory();
    for (const row of this.#sql.exec<BucketRow>("SELECT * FROM bucket")) {
      const { tokens, parts, burst } = row;
      memory.setBucket(row.id, {
        tokens,
        parts,
        atMs: row.at_ms,
        limit: row.rate_limit,
        windowMs: row.window_ms,
        burst,
      });
    }
    for (const row of this.#sql.exec<PermitRow>("SELECT * FROM permit")) {
      memory.addPermit(row.id, {
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
