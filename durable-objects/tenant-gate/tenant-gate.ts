/**
 * TenantGate: the one place a tenant's rates and concurrency are decided.
 *
 * One object per tenant, so decisions for a tenant are serialised and tenants never share a bottleneck. The state is
 * worked on in memory; before an answer leaves, the disk is at least as strict, so an evicted object never admits more
 * than it would have (`GateMemory` says what an eviction may cost). A refusal writes nothing. Permits end by themselves, so
 * a lost isolate cannot hold one. Steady traffic asks ahead: `exchange` lends an isolate tokens and permits to spend by itself
 * (`LeaseTable`).
 */

import { DurableObject } from "cloudflare:workers";

import { bucketOf } from "../../src/algorithms/rate-promise.ts";
import { msUntil } from "../../src/algorithms/token-bucket.ts";
import type { Admission, AdmissionRequest, LimitsNow } from "../../src/contract/admission.ts";
import type {
  BreakerAnswer,
  BreakerForce,
  BreakerReport,
  BreakerWord,
} from "../../src/contract/breaker.ts";
import type { ExchangeAnswer, ExchangeRequest, LentLimits } from "../../src/contract/exchange.ts";
import { BoundedMap } from "../../src/platform/bounded-map.ts";
import { fail, ok } from "../../src/platform/result.ts";
import { migrate } from "../shared/migrate.ts";
import { readBreakers, writeBreakers } from "./breaker-rows.ts";
import { BreakerTable } from "./breaker-table.ts";
import { decide } from "./decide.ts";
import { GateMemory } from "./gate-memory.ts";
import type { BucketDebit, SavedBundle } from "./lease-table.ts";
import { LoadTable } from "./load-table.ts";
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

interface LentPermitRow extends Record<string, SqlStorageValue> {
  readonly isolate: string;
  readonly limit_id: string;
  readonly lent: number;
  readonly ends_at_ms: number;
}

/** Isolates whose last question is remembered, and for how long. */
const MAX_ISOLATES = 1024;
const SERIAL_KEPT_MS = 60_000;

/** The row that says when the last lease ends is written so much ahead. */
const LEASE_END_SLACK_MS = 1000;

/** Rows erased with a tenant. */
export interface ErasedGate {
  readonly buckets: number;
  readonly permits: number;
}

export class TenantGate extends DurableObject<Env> {
  readonly #sql: SqlStorage;
  readonly #serials = new BoundedMap<string, number>(MAX_ISOLATES);
  #memory: GateMemory;
  #breakers: BreakerTable;
  #loads = new LoadTable();
  /** No lease is out after this, as it is on disk. */
  #savedLeaseEndMs = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    migrate(ctx.storage, MIGRATIONS);
    this.#sql = ctx.storage.sql;
    this.#memory = this.#load();
    this.#breakers = this.#loadBreakers();
  }

  /** Debits every limit of the request together and hands out a permit, or refuses and consumes nothing. */
  admit(request: AdmissionRequest): Admission {
    const nowMs = Date.now();
    this.#expire(nowMs);
    const decision = decide(this.#memory, request, nowMs);
    if (!decision.ok) return fail(decision.error);
    this.#debit(decision.value.buckets, nowMs);
    return ok({ permit: this.#permit(request, nowMs), rates: decision.value.rates });
  }

  /** Gives a permit back. An unknown or ended one changes nothing, so it may be called twice. */
  release(permit: string): void {
    const slot = this.#memory.permits.release(permit);
    if (slot !== null) this.#deletePermit(slot);
  }

  /** Lends an isolate what it asks for. A question that comes after a later one of the same isolate is not answered. */
  exchange(request: ExchangeRequest): ExchangeAnswer {
    const nowMs = Date.now();
    const { isolate, serial, leases, breakers, loads } = request;
    const before = this.#serials.get(isolate, nowMs) ?? 0;
    if (serial <= before) return { nowMs };
    this.#serials.set(isolate, serial, nowMs + SERIAL_KEPT_MS);
    this.#expire(nowMs);
    if (loads !== undefined) this.#loads.take(isolate, loads, nowMs);
    const isTold = loads !== undefined || before === 0;
    return {
      nowMs,
      ...(leases && { leases: this.#lend(isolate, leases, nowMs) }),
      ...(breakers && { breakers: this.#takeWord(breakers, nowMs) }),
      ...(isTold && { loads: this.#loads.answer(nowMs) }),
    };
  }

  /** What cannot wait for an exchange: a probe that is wanted or has ended, a target that begins to fail. */
  breakers(word: BreakerWord): BreakerAnswer {
    return this.#takeWord(word, Date.now());
  }

  /** Every breaker that was ever needed. */
  listBreakers(): readonly BreakerReport[] {
    return this.#breakers.list(Date.now());
  }

  /** Holds breakers open or closed, or lets them go. */
  forceBreakers(targets: readonly string[], force: BreakerForce["force"]): void {
    for (const target of targets)
      writeBreakers(this.#sql, this.#breakers.force(target, force, Date.now()));
  }

  /** How limits stand now; nothing is taken. */
  look({ rates, concurrency }: Pick<AdmissionRequest, "rates" | "concurrency">): LimitsNow {
    const nowMs = Date.now();
    this.#expire(nowMs);
    const { leases } = this.#memory;
    return {
      rates: rates.map(({ id, limit }) => {
        const bucket = bucketOf(limit);
        const now = this.#memory.current(id, bucket, nowMs);
        return {
          id,
          burst: bucket.burst,
          left: now.tokens,
          leased: leases.outstanding(id, nowMs),
          resetMs: msUntil(now, bucket, bucket.burst),
        };
      }),
      permits: concurrency.map(({ id }) => ({
        id,
        held: this.#memory.held(id),
        leased: leases.lent(id),
      })),
    };
  }

  /** Erases everything, in storage and in memory. */
  async erase(): Promise<ErasedGate> {
    const permits = this.#count("permit") + this.#count("lent_permit");
    const erased = { buckets: this.#count("bucket"), permits };
    await this.ctx.storage.deleteAll();
    migrate(this.ctx.storage, MIGRATIONS);
    this.#memory = new GateMemory();
    this.#breakers = this.#loadBreakers();
    this.#loads = new LoadTable();
    this.#savedLeaseEndMs = 0;
    return erased;
  }

  #takeWord(word: BreakerWord, nowMs: number): BreakerAnswer {
    const { answer, rows } = this.#breakers.take(word, nowMs);
    writeBreakers(this.#sql, rows);
    return answer;
  }

  #loadBreakers(): BreakerTable {
    const table = new BreakerTable(() => Math.random());
    for (const row of readBreakers(this.#sql)) table.load(row);
    return table;
  }

  #lend(
    isolate: string,
    wishes: NonNullable<ExchangeRequest["leases"]>,
    nowMs: number,
  ): LentLimits {
    const { leases } = this.#memory;
    const lending = leases.lend(this.#memory, isolate, wishes, nowMs);
    this.#debit(lending.buckets, nowMs);
    for (const row of lending.bundles) this.#saveBundle(row);
    if (leases.endsMs > this.#savedLeaseEndMs) {
      this.#savedLeaseEndMs = leases.endsMs + LEASE_END_SLACK_MS;
      this.#sql.exec(
        "INSERT OR REPLACE INTO lease_end (id, at_ms) VALUES (1, ?)",
        this.#savedLeaseEndMs,
      );
    }
    return lending.answer;
  }

  #saveBundle({ isolate, limit, lent, endsMs }: SavedBundle): void {
    if (lent === 0) {
      this.#sql.exec("DELETE FROM lent_permit WHERE isolate = ? AND limit_id = ?", isolate, limit);
      return;
    }
    this.#sql.exec(
      "INSERT OR REPLACE INTO lent_permit (isolate, limit_id, lent, ends_at_ms) VALUES (?, ?, ?, ?)",
      isolate,
      limit,
      lent,
      endsMs,
    );
  }

  #expire(nowMs: number): void {
    for (const id of this.#memory.permits.expire(nowMs)) this.#deletePermit(id);
    for (const row of this.#memory.leases.expire(nowMs)) this.#saveBundle(row);
  }

  #debit(debits: readonly BucketDebit[], nowMs: number): void {
    const values: SqlStorageValue[] = [];
    let rows = 0;
    for (const { id, bucket } of debits) {
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
    const [end] = this.#sql.exec<{ at_ms: number }>("SELECT at_ms FROM lease_end");
    const leaseEndMs = end?.at_ms ?? 0;
    memory.leases.learnUntil(leaseEndMs);
    // What was lent is not known any more, so nothing is gained until all of it is over.
    const gainsFromMs = leaseEndMs > Date.now() ? leaseEndMs : 0;
    for (const row of this.#sql.exec<BucketRow>("SELECT * FROM bucket")) {
      const { tokens, parts, burst } = row;
      memory.load(row.id, {
        tokens,
        parts,
        atMs: Math.max(row.at_ms, gainsFromMs),
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
    for (const row of this.#sql.exec<LentPermitRow>("SELECT * FROM lent_permit")) {
      const { isolate, lent } = row;
      memory.leases.load({ isolate, limit: row.limit_id, lent, endsMs: row.ends_at_ms });
    }
    return memory;
  }

  #count(table: "bucket" | "permit" | "lent_permit"): number {
    return this.#sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`).one().n;
  }
}
