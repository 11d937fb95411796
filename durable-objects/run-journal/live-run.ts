/**
 * LiveRun: one life of a durable run, from its order to its end, inside its `RunJournal` object.
 *
 * The order is in storage before anything of it is sent, every event before a reader sees it, and the last event together
 * with the run's end. So whatever moment the process is lost at, the next life finds a run that either has ended or can
 * be taken up: with the same deadline, the outcomes that are known, and nothing said twice.
 *
 * A run always ends: one that says too much, or whose core breaks, ends with a failure that says so.
 */

import type { DurableRun } from "../../src/assembly/durable-run.ts";
import { executeOrder } from "../../src/assembly/execute-order.ts";
import type { RunOrder } from "../../src/assembly/run-order.ts";
import { isLastEvent } from "../../src/assembly/keyed-run.ts";
import type { RunControl } from "../../src/assembly/run-control.ts";
import { listRun, releasePermit } from "../../src/assembly/run-index.ts";
import type { TenantBox } from "../../src/assembly/tenant-box.ts";
import type { RunPart } from "../../src/contract/run.ts";
import { RUN_RETENTION_MS, type StoredRunStatus } from "../../src/contract/stored-run.ts";
import { CallTable } from "./call-table.ts";
import type { EventLog } from "./event-log.ts";
import { endExecution, insertExecution, noteListed, readExecution } from "./execution-row.ts";
import { ModelTurnTable } from "./model-turn-table.ts";
import { ReplayedEvents, type AnyEvent } from "./replayed-events.ts";
import { SealedTexts } from "./sealed-texts.ts";
import { Abort } from "../../src/platform/abort.ts";

/** While a run goes on, an alarm comes this often to look whether it still does. */
export const KEEP_ALIVE_MS = 2_000;

/** Name of the sealed order. */
export const ORDER = "order";

/** Name of the sealed list of cancelled parts. */
const PARTS = "parts";

/** The object a run lives in. */
export interface Host {
  readonly ctx: DurableObjectState;
  readonly env: Env;
}

/** What an earlier life left. */
export interface EarlierLife {
  readonly events: readonly AnyEvent[];
  readonly startedAtMs: number;
  readonly isCancelled: boolean;
}

export class LiveRun {
  readonly order: RunOrder;
  readonly log: EventLog;
  /** The order is in storage, and will be durable with whatever is written next. */
  readonly stored: Promise<void>;
  /** The run has ended or could not go on. Never rejects. */
  readonly ended: Promise<void>;
  readonly #host: Host;
  readonly #box: Promise<TenantBox>;
  readonly #controller = new Abort();
  readonly #control = Promise.withResolvers<RunControl | null>();
  /** Cancels of parts, in order. */
  #parts: readonly RunPart[] = [];

  /** Begins the run, or its next life when there was an earlier one. */
  constructor(
    host: Host,
    order: RunOrder,
    log: EventLog,
    box: Promise<TenantBox>,
    earlier: EarlierLife | null,
  ) {
    this.#host = host;
    this.order = order;
    this.log = log;
    this.#box = box;
    const startedAtMs = earlier?.startedAtMs ?? Date.now();
    this.stored = earlier === null ? this.#store(startedAtMs) : Promise.resolve();
    const live = this.#live(startedAtMs, earlier);
    // What is thrown is a bug or the platform's fault: the runtime logs it, readers see the log end.
    host.ctx.waitUntil(live);
    this.ended = live.catch(() => undefined).finally(() => log.close());
  }

  /** Stops the run; it then ends with what it has. */
  cancel(): void {
    this.#controller.abort();
  }

  /** Cancels a part of the run, also in its later lives; false when it has no such part. */
  async cancelPart(part: RunPart): Promise<boolean> {
    const control = await Promise.race([this.#control.promise, this.ended.then(() => null)]);
    if (control === null) return false;
    await Promise.race([control.answered, this.ended]);
    if (!control.cancel(part)) return false;
    this.#parts = [...this.#parts, part];
    const texts = await this.#texts;
    texts.write(await texts.seal(PARTS, JSON.stringify(this.#parts)));
    await this.#host.ctx.storage.sync();
    return true;
  }

  /** Cancels again what an earlier life was told to, before any of its calls gets away. */
  #controlled(control: RunControl | null): void {
    const parts = this.#parts;
    if (control !== null && parts.length > 0)
      void control.answered.then(() => parts.map((part) => control.cancel(part)));
    this.#control.resolve(control);
  }

  get #texts(): Promise<SealedTexts> {
    const { sql } = this.#host.ctx.storage;
    return this.#box.then((box) => new SealedTexts(sql, box, this.order.context.runId));
  }

  async #store(createdAtMs: number): Promise<void> {
    const { storage } = this.#host.ctx;
    const texts = await this.#texts;
    const sealed = await texts.seal(ORDER, JSON.stringify(this.order));
    const { context, kind, bodyHash } = this.order;
    const { tenantId, residency } = context.snapshot;
    storage.transactionSync(() => {
      texts.write(sealed);
      const { runId } = context;
      insertExecution(storage.sql, { runId, tenantId, residency, kind, createdAtMs, bodyHash });
    });
    await storage.setAlarm(Date.now() + KEEP_ALIVE_MS);
  }

  async #live(startedAtMs: number, earlier: EarlierLife | null): Promise<void> {
    await this.stored;
    const { env, ctx } = this.#host;
    const isCancelled = earlier?.isCancelled ?? false;
    // A conversation that was cancelled has nothing to finish; a batch still says what was done.
    if (isCancelled && this.order.kind !== "run") this.cancel();
    const durable = await this.#ports(startedAtMs, isCancelled, earlier !== null);
    const parts = earlier === null ? null : await (await this.#texts).read(PARTS);
    // Written by `cancelPart`.
    if (parts !== null) this.#parts = JSON.parse(parts);
    const replayed = new ReplayedEvents(earlier?.events ?? []);
    let last: AnyEvent = failureOf(this.order, "internal");
    let fault: unknown = null;
    try {
      const defer = (work: Promise<unknown>) => ctx.waitUntil(work);
      const run = executeOrder(env, this.order, defer, this.#controller.signal, durable);
      this.#controlled(run.control ?? null);
      let fits = true;
      for await (const event of run.events) {
        const told = replayed.take(event);
        if (told === null) continue;
        if (isLastEvent(told.type)) last = told;
        else if (fits) fits = await this.log.append(JSON.stringify(told));
        if (!fits) this.cancel();
      }
      await run.ended;
      if (!fits) last = failureOf(this.order, "too_large");
    } catch (error) {
      fault = error;
    }
    await this.#end(last, startedAtMs);
    if (fault !== null) throw fault;
  }

  async #ports(startedAtMs: number, isCancelled: boolean, isResumed: boolean): Promise<DurableRun> {
    const { storage } = this.#host.ctx;
    const texts = await this.#texts;
    const turns = new ModelTurnTable(storage, texts, this.log);
    return {
      calls: isJournalling(this.#host.env) ? new CallTable(storage, texts) : null,
      turns,
      newId: (prefix) => turns.newId(prefix),
      startedAtMs,
      isResumed,
      isCancelled,
    };
  }

  async #end(last: AnyEvent, startedAtMs: number): Promise<void> {
    const { ctx, env } = this.#host;
    const { storage } = ctx;
    const text = JSON.stringify(last);
    if (this.order.stored === undefined && this.log.isEmpty && last.type === "failed") {
      // Nothing was executed, so the same key may try again.
      await storage.deleteAlarm();
      await storage.deleteAll();
      this.log.endUnsaved(text);
      return;
    }
    const status = statusOf(last);
    await this.log.end(text, () => endExecution(storage.sql, status, Date.now()));
    const permit = this.order.stored?.permit ?? null;
    if (permit !== null) ctx.waitUntil(releasePermit(env, this.order.context, permit));
    await storage.setAlarm(startedAtMs + KEEP_ALIVE_MS + RUN_RETENTION_MS);
    await tellIndex(this.#host);
  }
}

/** Tells the tenant's index how the run stands; when that fails, the next alarm comes soon and tries again. */
export async function tellIndex({ ctx, env }: Host): Promise<void> {
  const { storage } = ctx;
  const execution = readExecution(storage.sql);
  if (execution === null || execution.isListed) return;
  const isTold = await listRun(env, execution);
  if (execution.endedAtMs === null) return;
  if (isTold) noteListed(storage.sql);
  else await storage.setAlarm(Date.now() + KEEP_ALIVE_MS);
}

/** The end of a run that could not end by itself. */
export function failureOf(order: RunOrder, code: "too_large" | "internal"): AnyEvent {
  const run = order.context.runId;
  return order.kind === "run"
    ? { type: "run.failed", run, code }
    : { type: "failed", error: { code: "internal" }, run };
}

function statusOf(last: AnyEvent): StoredRunStatus {
  if (last.type === "run.completed") return last.report.status;
  if (last.type === "finished") return "completed";
  return last.type === "failed" && last.error.code === "cancelled" ? "cancelled" : "failed";
}

/**
 * False only in development, to show what the log of calls is for: `JOURNALING=off` must make the crash campaign fail.
 * `check:config` refuses the variable in whatever is deployed.
 */
function isJournalling(env: { readonly ROLE: string; readonly JOURNALING?: string }): boolean {
  return env.ROLE !== "development" || env.JOURNALING !== "off";
}
