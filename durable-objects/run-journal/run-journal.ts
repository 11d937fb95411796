/**
 * RunJournal: what must be remembered of one run.
 *
 * Three things, each in an object of its own name, all made through the tenant's jurisdiction:
 * - a run under an `Idempotency-Key`: it executes here, so it outlives a client whose connection broke, and whoever comes
 *   back with the same key follows the same run or reads its stored answer. Sealed, kept for a day.
 * - a run somebody may cancel: the isolate that executes it leaves a callback here. Nothing is stored; the callback dies
 *   with the isolate, as the run does.
 * - a hidden turn: the gateway's half of a mixed turn, until the client brings its own half. Sealed; its writer says for
 *   how long.
 *
 * When the object is lost in the middle of a keyed run, the run is lost too; the key then answers `run_interrupted`,
 * because its writes may have happened and must not be repeated silently.
 */

import { DurableObject, RpcTarget, type RpcStub } from "cloudflare:workers";

import { executeOrder, type RunOrder } from "../../src/assembly/execute-order.ts";
import type { RunControl } from "../../src/assembly/run-control.ts";
import { isLastEvent } from "../../src/assembly/keyed-run.ts";
import { tenantBox } from "../../src/assembly/tenant-box.ts";
import type { GatewayError } from "../../src/contract/error.ts";
import type { RunPart } from "../../src/contract/run.ts";
import { fail, ok, type Result } from "../../src/platform/result.ts";
import { migrate } from "../shared/migrate.ts";
import { Recording } from "./recording.ts";
import { MIGRATIONS } from "./schema.ts";

/** How long a finished answer can be asked for. */
export const RETENTION_MS = 24 * 60 * 60 * 1000;

/** Characters of one stored row: sealed and in base64 it stays below the platform's 2 MB. */
const ROW_CHARACTERS = 256 * 1024;

/** Characters of sealed text in one row, below the same 2 MB. */
const SEALED_ROW_CHARACTERS = 1024 * 1024;

/** What an isolate is told: the part to cancel, null for the whole run. It answers whether there is such a part. */
type OnCancel = (part: RunPart | null) => boolean;

/** What became of a cancel. */
type CancelOutcome = "cancelled" | "no_such_run" | "no_such_part";

interface LiveRun {
  readonly bodyHash: string;
  readonly recording: Recording;
  readonly controller: AbortController;
  /** Absent until it executes, and in a chat. */
  control?: RunControl;
}

/** Held by the isolate that runs; dropping it takes the callback away. */
class Watch extends RpcTarget {
  readonly #stop: () => void;

  constructor(stop: () => void) {
    super();
    this.#stop = stop;
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}

export class RunJournal extends DurableObject<Env> {
  #live: LiveRun | null = null;
  readonly #watchers = new Set<RpcStub<OnCancel>>();
  #migrated = false;

  /**
   * Starts the ordered run, or joins it when this key has one. The body is a `RunOrder`; the answer streams one event a
   * line, or is a `GatewayError` with status 409. A reader that leaves does not stop the run.
   */
  override async fetch(request: Request): Promise<Response> {
    const order = await request.json<RunOrder>();
    const recording = await this.#join(order);
    if (!recording.ok) return Response.json(recording.error, { status: 409 });
    return new Response(lineStream(recording.value, request.signal), {
      headers: { "content-type": "application/x-ndjson" },
    });
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
    if (this.#live === null && watchers.length === 0) return "no_such_run";
    const isHere = part !== null && this.#live?.control?.cancel(part) === true;
    if (part === null) this.#live?.controller.abort();
    const told = await Promise.allSettled(watchers.map(async (onCancel) => onCancel(part)));
    const isThere = told.some((answer) => answer.status === "fulfilled" && answer.value);
    return part === null || isHere || isThere ? "cancelled" : "no_such_part";
  }

  /** Keeps a sealed hidden turn for `ttlMs`; resolves when it is durable. What is too long for a row goes on in `record`. */
  async saveTurn(sealed: string, ttlMs: number): Promise<void> {
    const expiresAtMs = Date.now() + ttlMs;
    const sql = this.#tables();
    this.ctx.storage.transactionSync(() => {
      sql.exec("DELETE FROM record");
      sql.exec(
        "INSERT OR REPLACE INTO turn (id, sealed, expires_at_ms) VALUES (1, ?, ?)",
        sealed.slice(0, SEALED_ROW_CHARACTERS),
        expiresAtMs,
      );
      for (let seq = 1; seq * SEALED_ROW_CHARACTERS < sealed.length; seq += 1) {
        const start = seq * SEALED_ROW_CHARACTERS;
        const piece = sealed.slice(start, start + SEALED_ROW_CHARACTERS);
        sql.exec("INSERT INTO record (seq, sealed) VALUES (?, ?)", seq, piece);
      }
    });
    await this.ctx.storage.setAlarm(expiresAtMs);
  }

  /** The sealed hidden turn, or null when there is none or its time is over. */
  loadTurn(): string | null {
    if (!this.#hasTables()) return null;
    const { sql } = this.ctx.storage;
    const [row] = sql
      .exec<{ sealed: string }>(
        "SELECT sealed FROM turn WHERE id = 1 AND expires_at_ms > ?",
        Date.now(),
      )
      .toArray();
    if (row === undefined) return null;
    const more = sql.exec<{ sealed: string }>("SELECT sealed FROM record ORDER BY seq").toArray();
    return row.sealed + more.map(({ sealed }) => sealed).join("");
  }

  /** Retention is over: the object forgets everything, so that its file is removed too. */
  override async alarm(): Promise<void> {
    await this.ctx.storage.deleteAll();
    this.#migrated = false;
  }

  /** The tables, made at the first write only: an object that is merely watched or asked for leaves no file. */
  #tables(): SqlStorage {
    if (!this.#migrated) migrate(this.ctx.storage, MIGRATIONS);
    this.#migrated = true;
    return this.ctx.storage.sql;
  }

  #hasTables(): boolean {
    const found = this.ctx.storage.sql.exec(
      "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'turn'",
    );
    return found.toArray().length > 0;
  }

  async #join(order: RunOrder): Promise<Result<Recording, GatewayError>> {
    const [stored] = this.#tables()
      .exec<{ body_hash: string; ended: number }>("SELECT body_hash, ended FROM run WHERE id = 1")
      .toArray();
    const known = this.#live?.bodyHash ?? stored?.body_hash;
    if (known === undefined) return ok(this.#start(order));
    if (known !== order.bodyHash) return fail({ code: "idempotency_key_reused" });
    if (this.#live !== null) return ok(this.#live.recording);
    const lines = stored?.ended === 1 ? await this.#storedLines(order) : null;
    if (lines === null) return fail({ code: "run_interrupted", run: order.context.runId });
    return ok(Recording.finished(lines));
  }

  #start(order: RunOrder): Recording {
    this.ctx.storage.sql.exec("INSERT INTO run (id, body_hash) VALUES (1, ?)", order.bodyHash);
    const live: LiveRun = {
      bodyHash: order.bodyHash,
      recording: new Recording(),
      controller: new AbortController(),
    };
    this.#live = live;
    this.ctx.waitUntil(
      this.#execute(order, live).finally(() => {
        this.#live = null;
        live.recording.end();
      }),
    );
    return live.recording;
  }

  /** Runs the order to its end. The last event is stored before any reader sees it, so an answer once given is kept. */
  async #execute(order: RunOrder, live: LiveRun): Promise<void> {
    const { recording, controller } = live;
    await this.ctx.storage.setAlarm(Date.now() + RETENTION_MS);
    const defer = (work: Promise<unknown>) => this.ctx.waitUntil(work);
    const run = executeOrder(this.env, order, defer, controller.signal);
    if (run.control !== undefined) live.control = run.control;
    let last: string | null = null;
    let fits = true;
    for await (const event of run.events) {
      const line = JSON.stringify(event);
      if (isLastEvent(event.type)) last = line;
      else fits &&= recording.append(line);
      if (!fits) controller.abort();
    }
    await run.ended;
    if (!fits || last === null) return;
    if (recording.lines.length === 0 && refusedBeforeStart(last)) {
      // Nothing was executed, so the same key may try again.
      await this.ctx.storage.deleteAlarm();
      this.ctx.storage.sql.exec("DELETE FROM run");
    } else {
      await this.#store(order, [...recording.lines, last]);
    }
    recording.append(last);
  }

  async #store(order: RunOrder, lines: readonly string[]): Promise<void> {
    const box = await tenantBox(this.env, order.context.snapshot);
    const text = lines.join("\n");
    const rows: string[] = [];
    for (let start = 0; start < text.length; start += ROW_CHARACTERS) {
      const piece = text.slice(start, start + ROW_CHARACTERS);
      rows.push(await box.seal(recordName(order, rows.length), piece));
    }
    this.ctx.storage.transactionSync(() => {
      const sql = this.ctx.storage.sql;
      for (const [seq, sealed] of rows.entries()) {
        sql.exec("INSERT INTO record (seq, sealed) VALUES (?, ?)", seq, sealed);
      }
      sql.exec("UPDATE run SET ended = 1 WHERE id = 1");
    });
  }

  async #storedLines(order: RunOrder): Promise<readonly string[] | null> {
    const rows = this.ctx.storage.sql
      .exec<{ seq: number; sealed: string }>("SELECT seq, sealed FROM record ORDER BY seq")
      .toArray();
    const box = await tenantBox(this.env, order.context.snapshot);
    let text = "";
    for (const row of rows) {
      const piece = await box.open(recordName(order, row.seq), row.sealed);
      if (piece === null) return null;
      text += piece;
    }
    return text.split("\n");
  }
}

/** Binds a stored row to its run and its place, so rows cannot be swapped. */
function recordName(order: RunOrder, seq: number): string {
  return `${order.context.runId}/${seq}`;
}

/** True for a run that was refused before its first model answer or call. */
function refusedBeforeStart(line: string): boolean {
  return line.startsWith('{"type":"failed"');
}

/** The recording as a byte stream of lines; stops following when the reader leaves. */
function lineStream(recording: Recording, signal: AbortSignal): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const lines = recording.follow();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = signal.aborted ? { done: true as const } : await lines.next();
      if (next.done === true) controller.close();
      else controller.enqueue(encoder.encode(`${next.value}\n`));
    },
  });
}
