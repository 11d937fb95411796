/**
 * RunJournal: what must be remembered of one run.
 *
 * Three things, each in an object of its own name, all made through the tenant's jurisdiction:
 * - a durable run (under an `Idempotency-Key`, or `background`, or `stored`): it executes here, so it outlives a client
 *   whose connection broke and a process that was lost. An alarm looks after it and takes it up again; whoever comes back
 *   follows the same run, or reads what it said. Sealed, kept for a day after its end.
 * - a run somebody may cancel: the isolate that executes it leaves a callback here. Nothing is stored; the callback dies
 *   with the isolate, as the run does.
 * - a hidden turn: the gateway's half of a mixed turn, until the client brings its own half. Sealed; its writer says for
 *   how long.
 *
 * The data key is not kept here: without the `Tenant` object nothing opens, and a run whose tenant is gone is forgotten.
 */

import { DurableObject, type RpcStub } from "cloudflare:workers";

import type { RunOrder } from "../../src/assembly/run-order.ts";
import { tenantOfRun } from "../../src/assembly/run-index.ts";
import type { TenantKeyring } from "../../src/assembly/stored-runs.ts";
import { tenantBox } from "../../src/assembly/tenant-box.ts";
import type { GatewayError } from "../../src/contract/error.ts";
import type { RunPart } from "../../src/contract/run.ts";
import { RUN_RETENTION_MS } from "../../src/contract/stored-run.ts";
import { fail, ok, type Result } from "../../src/platform/result.ts";
import { migrate } from "../shared/migrate.ts";
import { EventLog } from "./event-log.ts";
import {
  cancelExecution,
  countLife,
  endExecution,
  readExecution,
  type Execution,
} from "./execution-row.ts";
import { readTurn, writeTurn } from "./hidden-turn-rows.ts";
import { eventOf, lineStream } from "./line-stream.ts";
import { failureOf, KEEP_ALIVE_MS, LiveRun, ORDER, tellIndex, type Host } from "./live-run.ts";
import { unfinishedTurnRow } from "./model-turn-table.ts";
import { MIGRATIONS } from "./schema.ts";
import { SealedTexts } from "./sealed-texts.ts";
import { Watch } from "./watch.ts";

/** How often a run that keeps losing its process is taken up again. */
export const MAX_LIVES = 64;

/** What an isolate is told: the part to cancel, null for the whole run. It answers whether there is such a part. */
type OnCancel = (part: RunPart | null) => boolean;

/** What became of a cancel. */
type CancelOutcome = "cancelled" | "no_such_run" | "no_such_part";

export class RunJournal extends DurableObject<Env> {
  #live: LiveRun | null = null;
  #reviving: Promise<LiveRun | null> | null = null;
  readonly #watchers = new Set<RpcStub<OnCancel>>();
  #migrated = false;

  /**
   * Follows the run from the position `?after=`, one event a line behind its position. At `/run` the body is a `RunOrder`,
   * which is started when this object has no run yet; at `/events` and `/end` (the last event alone) it is a
   * `TenantKeyring`. A failure is a `GatewayError` with status 409. A reader that leaves does not stop the run.
   */
  override async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const after = Number(searchParams.get("after") ?? 0);
    const found =
      pathname === "/run"
        ? await this.#join(await request.json<RunOrder>())
        : await this.#open(await request.json<TenantKeyring>());
    if (!found.ok) return Response.json(found.error, { status: 409 });
    const from = pathname === "/end" ? found.value.lastPosition - 1 : after;
    return new Response(lineStream(found.value, from, request.signal), {
      headers: { "content-type": "application/x-ndjson" },
    });
  }

  /** Starts the run of this order (a `RunOrder` as JSON text), or joins it; answers once it will survive a crash. */
  async start(
    order: string,
  ): Promise<Result<{ execution: Execution; isNew: boolean }, GatewayError>> {
    // Written by `startBackgroundRun`.
    const parsed: RunOrder = JSON.parse(order);
    const isNew = this.#bodyHash() === null;
    const joined = await this.#join(parsed);
    if (!joined.ok) return joined;
    await this.#live?.stored;
    await this.ctx.storage.sync();
    const execution = this.#execution();
    return execution === null ? fail({ code: "internal" }) : ok({ execution, isNew });
  }

  /** How the durable run stands, or null when there is none. One that was lost is taken up again. */
  state(): Execution | null {
    const execution = this.#execution();
    if (execution?.endedAtMs === null && this.#live === null)
      this.ctx.waitUntil(this.#revive(null));
    return execution;
  }

  /** Registers the isolate that runs this run; `onCancel` is called for every cancel, with the part or null for all. */
  watch(onCancel: RpcStub<OnCancel>): Watch {
    const held = onCancel.dup();
    this.#watchers.add(held);
    return new Watch(() => {
      this.#watchers.delete(held);
      held[Symbol.dispose]();
    });
  }

  /** Cancels the run, or one part of it, wherever it executes. */
  async cancel(part: RunPart | null): Promise<CancelOutcome> {
    const watchers = [...this.#watchers];
    const execution = this.#execution();
    const isGoingOn = this.#live !== null || execution?.endedAtMs === null;
    if (!isGoingOn && watchers.length === 0) return "no_such_run";
    if (part === null && execution !== null) cancelExecution(this.ctx.storage.sql);
    if (this.#live === null && isGoingOn) await this.#revive(null);
    if (part === null) this.#live?.cancel();
    const isHere = part !== null && (await this.#live?.cancelPart(part)) === true;
    const told = await Promise.allSettled(watchers.map(async (onCancel) => onCancel(part)));
    const isThere = told.some((answer) => answer.status === "fulfilled" && answer.value);
    return part === null || isHere || isThere ? "cancelled" : "no_such_part";
  }

  /** Stops the durable run and forgets it; false when there is none. */
  async erase(): Promise<boolean> {
    if (this.#execution() === null) return false;
    this.#live?.cancel();
    await this.#live?.ended;
    await this.#forget();
    return true;
  }

  /** Keeps a sealed hidden turn for `ttlMs`; resolves when it is durable. */
  async saveTurn(sealed: string, ttlMs: number): Promise<void> {
    const expiresAtMs = Date.now() + ttlMs;
    this.#tables();
    writeTurn(this.ctx.storage, sealed, expiresAtMs);
    await this.ctx.storage.setAlarm(expiresAtMs);
  }

  /** The sealed hidden turn, or null when there is none or its time is over. */
  loadTurn(): string | null {
    return this.#hasTables() ? readTurn(this.#tables(), Date.now()) : null;
  }

  /** Takes up a run that was lost; when retention is over, the object forgets everything, so that its file goes too. */
  override async alarm(): Promise<void> {
    const execution = this.#execution();
    if (execution === null) return this.#forget();
    const { endedAtMs } = execution;
    const nowMs = Date.now();
    if (endedAtMs === null) {
      await this.ctx.storage.setAlarm(nowMs + KEEP_ALIVE_MS);
      if (this.#live === null) await this.#revive(null);
      return tellIndex(this.#host);
    }
    if (nowMs >= endedAtMs + RUN_RETENTION_MS) return this.#forget();
    await this.ctx.storage.setAlarm(endedAtMs + RUN_RETENTION_MS);
    return tellIndex(this.#host);
  }

  async #join(order: RunOrder): Promise<Result<EventLog, GatewayError>> {
    const known = this.#bodyHash();
    if (known === null) return ok(this.#begin(order));
    if (known !== order.bodyHash) return fail({ code: "idempotency_key_reused" });
    const { tenantId, dataKey } = order.context.snapshot;
    return this.#open({ runId: order.context.runId, tenantId, dataKey });
  }

  get #host(): Host {
    return { ctx: this.ctx, env: this.env };
  }

  /** Of the run that is here, kept or just beginning. */
  #bodyHash(): string | null {
    if (this.#live !== null) return this.#live.order.bodyHash;
    const [stored] = this.#tables()
      .exec<{ body_hash: string }>("SELECT body_hash FROM run WHERE id = 1")
      .toArray();
    return stored?.body_hash ?? null;
  }

  #begin(order: RunOrder): EventLog {
    const { storage } = this.ctx;
    const box = tenantBox(this.env, order.context.snapshot);
    const log = new EventLog(storage, box, order.context.runId);
    const live = new LiveRun(this.#host, order, log, box, null);
    this.#adopt(live);
    this.ctx.waitUntil(this.#afterStoring(live));
    return log;
  }

  /** Tells the index of the run. One whose order could not be kept has not begun: nothing of it stays, and it may be tried again. */
  async #afterStoring(live: LiveRun): Promise<void> {
    try {
      await live.stored;
    } catch {
      const isAlone = this.#live === null || this.#live === live;
      return isAlone ? this.#forget() : undefined;
    }
    await tellIndex(this.#host).catch(() => undefined);
  }

  /** The log of the run that is here: of the live one, of one that has ended, or of one that is taken up now. */
  async #open(keyring: TenantKeyring): Promise<Result<EventLog, GatewayError>> {
    const { runId } = keyring;
    if (this.#live !== null) return ok(this.#live.log);
    if (!this.#hasTables()) return fail({ code: "not_found" });
    const [run] = this.#tables().exec<{ ended: number }>("SELECT ended FROM run").toArray();
    if (run === undefined) return fail({ code: "not_found" });
    if (run.ended === 1) {
      const log = new EventLog(this.ctx.storage, tenantBox(this.env, keyring), runId);
      return (await log.openEnded()) ? ok(log) : fail({ code: "run_interrupted", run: runId });
    }
    const live = await this.#revive(keyring);
    return live === null ? fail({ code: "run_interrupted", run: runId }) : ok(live.log);
  }

  #adopt(live: LiveRun): void {
    this.#live = live;
    this.ctx.waitUntil(this.#letGo(live));
  }

  async #letGo(live: LiveRun): Promise<void> {
    await live.ended;
    if (this.#live === live) this.#live = null;
  }

  /** Begins the next life of a run that was lost; null when it cannot be: its tenant is gone or its order does not open. */
  #revive(keyring: TenantKeyring | null): Promise<LiveRun | null> {
    this.#reviving ??= this.#nextLife(keyring).finally(() => {
      this.#reviving = null;
    });
    return this.#reviving;
  }

  async #nextLife(keyring: TenantKeyring | null): Promise<LiveRun | null> {
    const execution = this.#execution();
    if (execution === null) return null;
    const tenant = keyring ?? (await tenantOfRun(this.env, execution));
    if (tenant === null) {
      await this.#forget();
      return null;
    }
    const { storage } = this.ctx;
    const { runId } = execution;
    const box = tenantBox(this.env, tenant);
    const text = await new SealedTexts(storage.sql, await box, runId).read(ORDER);
    const log = new EventLog(storage, box, runId);
    const lines = await log.restore(unfinishedTurnRow(storage.sql));
    if (text === null || lines === null) {
      endExecution(storage.sql, "failed", Date.now());
      return null;
    }
    // Sealed by this object under this very name: what opens is the order.
    const order: RunOrder = JSON.parse(text);
    if (execution.lives >= MAX_LIVES) {
      const failure = JSON.stringify(failureOf(order, "internal"));
      await log.end(failure, () => endExecution(storage.sql, "failed", Date.now()));
      return null;
    }
    countLife(storage.sql);
    const earlier = {
      events: lines.map((line) => eventOf(line)),
      startedAtMs: execution.createdAtMs,
      isCancelled: execution.isCancelled,
    };
    const live = new LiveRun(this.#host, order, log, box, earlier);
    this.#adopt(live);
    return live;
  }

  #execution(): Execution | null {
    return this.#hasTables() ? readExecution(this.#tables()) : null;
  }

  async #forget(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#migrated = false;
  }

  /** The tables, made at the first write only: an object that is merely watched or asked for leaves no file. */
  #tables(): SqlStorage {
    if (!this.#migrated || !this.#hasTables()) migrate(this.ctx.storage, MIGRATIONS);
    this.#migrated = true;
    return this.ctx.storage.sql;
  }

  #hasTables(): boolean {
    const found = this.ctx.storage.sql.exec(
      "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'turn'",
    );
    return found.toArray().length > 0;
  }
}
